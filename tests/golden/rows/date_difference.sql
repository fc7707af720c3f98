-- The difference of two dates is a number of days; that of two times has seconds.

source t: a Date, b Date, x Timestamp, y Timestamp

stream out:
  SELECT a, b, a - b AS days, CAST(extract(epoch FROM x - y) AS DOUBLE) AS seconds FROM t

input t:
  | a          | b          | x                    | y                      |
  | 2024-03-01 | 2024-02-28 | 2024-03-01T00:00:00Z | 2024-02-28T00:00:00Z   |
  | 2023-03-01 | 2023-02-28 | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00.5Z |
  | 1970-01-01 | 1969-12-31 | 1970-01-01T00:00:00Z | 1969-12-31T23:59:59Z   |
  | null       | 2024-01-01 | null                 | 2024-01-01T00:00:00Z   |

rows out:
  | a          | b          | days | seconds  |
  | 1970-01-01 | 1969-12-31 | 1    | 1.0      |
  | 2023-03-01 | 2023-02-28 | 1    | -0.5     |
  | 2024-03-01 | 2024-02-28 | 2    | 172800.0 |
  | null       | 2024-01-01 | null | null     |
