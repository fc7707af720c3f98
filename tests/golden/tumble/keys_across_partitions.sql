-- The rows of a key come from all partitions and meet in one group, whatever the partitions' times.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 3s}

stream out:
  SELECT k, sum(n) AS sum, count(DISTINCT n) AS different, max(ts) AS last, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:01Z |
  | 1 | a | 2 | 2024-01-01T00:00:02Z |
  | 2 | a | 1 | 2024-01-01T00:00:03Z |
  | 0 | b | 1 | 2024-01-01T00:00:25Z |
  | 0 | a | 5 | 2024-01-01T00:00:24Z |
  | 1 | b | 7 | 2024-01-01T00:00:04Z |
  | 2 | a | 8 | 2024-01-01T00:00:06Z |
  | 1 | a | 2 | 2024-01-01T00:00:21Z |
  | 2 | b | 1 | 2024-01-01T00:00:26Z |

rows out:
  | k | sum | different | last                 | window_start         |
  | a | 12  | 3         | 2024-01-01T00:00:06Z | 2024-01-01T00:00:00Z |
  | a | 7   | 2         | 2024-01-01T00:00:24Z | 2024-01-01T00:00:20Z |
  | b | 2   | 1         | 2024-01-01T00:00:26Z | 2024-01-01T00:00:20Z |
  | b | 7   | 1         | 2024-01-01T00:00:04Z | 2024-01-01T00:00:00Z |
