-- Sessions stay open for what is allowed after the watermark has passed them.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  allowedLateness: 20s
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 2 | 2024-01-01T00:00:29Z |
  | a | 4 | 2024-01-01T00:00:05Z |
  | a | 8 | 2024-01-01T00:01:00Z |
  | a | 9 | 2024-01-01T00:00:01Z | -- Late in out

rows out:
  | k | sum | rows | window_start         | window_end           |
  | a | 2   | 1    | 2024-01-01T00:00:29Z | 2024-01-01T00:00:39Z |
  | a | 5   | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:15Z |
  | a | 8   | 1    | 2024-01-01T00:01:00Z | 2024-01-01T00:01:10Z |
