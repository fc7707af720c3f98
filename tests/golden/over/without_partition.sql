-- Without PARTITION BY all rows are of one key.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 30s}

stream out:
  SELECT n, count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW) AS rows FROM t WHERE n <> 3

input t:
  | # | n | ts                   |
  | 0 | 1 | 2024-01-01T00:00:00Z |
  | 1 | 2 | 2024-01-01T00:00:05Z |
  | 0 | 3 | 2024-01-01T00:00:05Z |
  | 1 | 4 | 2024-01-01T00:00:11Z |
  | 0 | 5 | 2024-01-01T00:00:06Z |

rows out:
  | n | rows |
  | 1 | 1    |
  | 2 | 2    |
  | 4 | 2    |
  | 5 | 2    |
