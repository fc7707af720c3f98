-- A row may come as early as the watermark, and joins a session that ends there; a microsecond later it is over.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n  | ts                          |
  | a | 1  | 2024-01-01T00:00:00Z        |
  | b | 2  | 2024-01-01T00:00:15Z        | -- the watermark: the end of a's
  | a | 4  | 2024-01-01T00:00:10Z        |
  | b | 8  | 2024-01-01T00:00:15.000001Z |
  | c | 16 | 2024-01-01T00:00:00Z        | -- Late in out

rows out:
  | k | sum | rows | window_start         | window_end                  |
  | a | 5   | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z        |
  | b | 10  | 2    | 2024-01-01T00:00:15Z | 2024-01-01T00:00:25.000001Z |
