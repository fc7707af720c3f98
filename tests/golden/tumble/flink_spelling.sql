-- Flink's spelling of a window is taken as it is.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, window_start, window_end, SUM(n) AS total
  FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))
  GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 2 | 2024-01-01T00:00:09Z |
  | a | 3 | 2024-01-01T00:00:10Z |

rows out:
  | k | window_start         | window_end           | total |
  | a | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 3     |
  | a | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z | 3     |
