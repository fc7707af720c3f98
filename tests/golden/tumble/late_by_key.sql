-- Time is that of the partition, not of a key: a record is late though its key was never there before.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:05Z |
  | a | 2 | 2024-01-01T00:00:20Z |
  | b | 4 | 2024-01-01T00:00:05Z | -- Late in out
  | b | 8 | 2024-01-01T00:00:25Z |

rows out:
  | k | sum | window_start         |
  | a | 1   | 2024-01-01T00:00:00Z |
  | a | 2   | 2024-01-01T00:00:20Z |
  | b | 8   | 2024-01-01T00:00:20Z |
