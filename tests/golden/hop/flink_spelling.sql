-- Flink's own spelling, and a subquery before the windows.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, count(DISTINCT n) AS different, window_start, window_end
  FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
  GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:01Z |
  | a | 1 | 2024-01-01T00:00:02Z |
  | a | 2 | 2024-01-01T00:00:06Z |
  | b |   | 2024-01-01T00:00:07Z |

rows out:
  | k | different | window_start         | window_end           |
  | a | 1         | 2023-12-31T23:59:55Z | 2024-01-01T00:00:05Z |
  | a | 1         | 2024-01-01T00:00:05Z | 2024-01-01T00:00:15Z |
  | a | 2         | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | b | 0         | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | b | 0         | 2024-01-01T00:00:05Z | 2024-01-01T00:00:15Z |
