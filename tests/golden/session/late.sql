-- The merged end decides: a row that would be late by itself is taken into a session that is still open.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:00Z |
  | a | 2  | 2024-01-01T00:00:09Z |
  | b | 4  | 2024-01-01T00:00:15Z | -- the watermark: b's is open, and a's until 19
  | a | 8  | 2024-01-01T00:00:04Z | -- by itself it would have closed at 14
  | c | 16 | 2024-01-01T00:00:04Z | -- Late in out
  | b | 32 | 2024-01-01T00:01:00Z |
  | a | 64 | 2024-01-01T00:00:10Z | -- Late in out

rows out:
  | k | sum | rows | window_start         | window_end           |
  | a | 11  | 3    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:19Z |
  | b | 32  | 1    | 2024-01-01T00:01:00Z | 2024-01-01T00:01:10Z |
  | b | 4   | 1    | 2024-01-01T00:00:15Z | 2024-01-01T00:00:25Z |
