-- A month more on the last day of a month is the last day of the next; a year more on a leap day is the 28th.

source t: day Date, ts Timestamp

stream out:
  SELECT day, CAST(day + INTERVAL '1' MONTH AS DATE) AS month, CAST(day + INTERVAL '1' YEAR AS DATE) AS year, CAST(day - INTERVAL '1' DAY AS DATE) AS before,
         ts + INTERVAL '1' MONTH AS later, ts - INTERVAL '90' MINUTE AS earlier
  FROM t

input t:
  | day        | ts                          |
  | 2024-01-31 | 2024-01-31T12:00:00Z        |
  | 2024-02-29 | 2024-02-29T00:30:00Z        |
  | 2023-02-28 | 2023-12-31T23:59:59.999999Z |
  | 1970-01-01 | 1970-01-01T00:00:00Z        |
  | null       | null                        |

rows out:
  | day        | month      | year       | before     | later                       | earlier                     |
  | 1970-01-01 | 1970-02-01 | 1971-01-01 | 1969-12-31 | 1970-02-01T00:00:00Z        | 1969-12-31T22:30:00Z        |
  | 2023-02-28 | 2023-03-28 | 2024-02-28 | 2023-02-27 | 2024-01-31T23:59:59.999999Z | 2023-12-31T22:29:59.999999Z |
  | 2024-01-31 | 2024-02-29 | 2025-01-31 | 2024-01-30 | 2024-02-29T12:00:00Z        | 2024-01-31T10:30:00Z        |
  | 2024-02-29 | 2024-03-29 | 2025-02-28 | 2024-02-28 | 2024-03-29T00:30:00Z        | 2024-02-28T23:00:00Z        |
  | null       | null       | null       | null       | null                        | null                        |
