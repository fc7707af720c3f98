-- Flink's own spelling, with several keys.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, n, count(*) AS rows, window_start FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY k, n, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 2 | 2024-01-01T00:00:01Z |
  | a | 1 | 2024-01-01T00:00:04Z |
  | a | 1 | 2024-01-01T00:00:10Z |
  |   | 1 | 2024-01-01T00:00:10Z |
  |   |   | 2024-01-01T00:00:11Z |

rows out:
  | k    | n    | rows | window_start         |
  | a    | 1    | 1    | 2024-01-01T00:00:10Z |
  | a    | 1    | 2    | 2024-01-01T00:00:00Z |
  | a    | 2    | 1    | 2024-01-01T00:00:01Z |
  | null | 1    | 1    | 2024-01-01T00:00:10Z |
  | null | null | 1    | 2024-01-01T00:00:11Z |
