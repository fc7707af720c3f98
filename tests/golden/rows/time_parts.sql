-- The parts of a time, in UTC; seconds since 1970 are negative before it.

source t: ts Timestamp

stream out:
  SELECT ts, extract(hour FROM ts) AS hour, extract(minute FROM ts) AS minute, extract(year FROM ts) AS year, extract(dow FROM ts) AS weekday,
         CAST(floor(extract(epoch FROM ts)) AS BIGINT) AS seconds
  FROM t

input t:
  | ts                        |
  | 2024-03-31T01:30:00+01:00 |
  | 2024-12-31T23:30:00-01:00 |
  | 1969-12-31T23:59:59Z      |
  | 1960-02-29T06:07:08Z      |
  | null                      |

rows out:
  | ts                   | hour | minute | year | weekday | seconds    |
  | 1960-02-29T06:07:08Z | 6    | 7      | 1960 | 1       | -310499572 |
  | 1969-12-31T23:59:59Z | 23   | 59     | 1969 | 3       | -1         |
  | 2024-03-31T00:30:00Z | 0    | 30     | 2024 | 0       | 1711845000 |
  | 2025-01-01T00:30:00Z | 0    | 30     | 2025 | 3       | 1735691400 |
  | null                 | null | null   | null | null    | null       |
