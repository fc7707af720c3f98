-- date_trunc goes back to the beginning of an hour, day, week (a Monday), month, quarter and year; before 1970 too.

source t: ts Timestamp

stream out:
  SELECT ts, date_trunc('minute', ts) AS minute, date_trunc('hour', ts) AS hour, date_trunc('day', ts) AS day, date_trunc('week', ts) AS week,
         date_trunc('month', ts) AS month, date_trunc('quarter', ts) AS quarter, date_trunc('year', ts) AS year
  FROM t

input t:
  | ts                          |
  | 2024-02-29T23:59:59.999999Z |
  | 2024-01-01T00:00:00Z        |
  | 2023-12-31T12:34:56.789Z    |
  | 1969-12-31T23:59:59.5Z      |
  | 1968-02-29T01:02:03Z        |
  | null                        |

rows out:
  | ts                          | minute               | hour                 | day                  | week                 | month                | quarter              | year                 |
  | 1968-02-29T01:02:03Z        | 1968-02-29T01:02:00Z | 1968-02-29T01:00:00Z | 1968-02-29T00:00:00Z | 1968-02-26T00:00:00Z | 1968-02-01T00:00:00Z | 1968-01-01T00:00:00Z | 1968-01-01T00:00:00Z |
  | 1969-12-31T23:59:59.500000Z | 1969-12-31T23:59:00Z | 1969-12-31T23:00:00Z | 1969-12-31T00:00:00Z | 1969-12-29T00:00:00Z | 1969-12-01T00:00:00Z | 1969-10-01T00:00:00Z | 1969-01-01T00:00:00Z |
  | 2023-12-31T12:34:56.789000Z | 2023-12-31T12:34:00Z | 2023-12-31T12:00:00Z | 2023-12-31T00:00:00Z | 2023-12-25T00:00:00Z | 2023-12-01T00:00:00Z | 2023-10-01T00:00:00Z | 2023-01-01T00:00:00Z |
  | 2024-01-01T00:00:00Z        | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00Z |
  | 2024-02-29T23:59:59.999999Z | 2024-02-29T23:59:00Z | 2024-02-29T23:00:00Z | 2024-02-29T00:00:00Z | 2024-02-26T00:00:00Z | 2024-02-01T00:00:00Z | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00Z |
  | null                        | null                 | null                 | null                 | null                 | null                 | null                 | null                 |
