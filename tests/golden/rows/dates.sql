-- Dates: leap days, the century that has none, and those before 1970.

source t: day Date

stream out:
  SELECT day, extract(year FROM day) AS year, extract(month FROM day) AS month, extract(day FROM day) AS number,
         extract(doy FROM day) AS of_year, extract(dow FROM day) AS weekday, extract(week FROM day) AS week,
         extract(quarter FROM day) AS quarter, day > DATE '2000-02-29' AS later
  FROM t

input t:
  | day        |
  | 2024-02-29 |
  | 2000-02-29 |
  | 1900-02-28 |
  | 2024-12-30 |
  | 2023-01-01 |
  | 1969-12-31 |
  | 1582-10-15 |
  | null       |

rows out:
  | day        | year | month | number | of_year | weekday | week | quarter | later |
  | 1582-10-15 | 1582 | 10    | 15     | 288     | 5       | 41   | 4       | false |
  | 1900-02-28 | 1900 | 2     | 28     | 59      | 3       | 9    | 1       | false |
  | 1969-12-31 | 1969 | 12    | 31     | 365     | 3       | 1    | 4       | false |
  | 2000-02-29 | 2000 | 2     | 29     | 60      | 2       | 9    | 1       | false |
  | 2023-01-01 | 2023 | 1     | 1      | 1       | 0       | 52   | 1       | true  |
  | 2024-02-29 | 2024 | 2     | 29     | 60      | 4       | 9    | 1       | true  |
  | 2024-12-30 | 2024 | 12    | 30     | 365     | 1       | 1    | 4       | true  |
  | null       | null | null  | null   | null    | null    | null | null    | null  |
