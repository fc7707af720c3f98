-- Windows stay open for what is allowed after the watermark has passed them.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  allowedLateness: 30s
  SELECT sum(n) AS sum, window_end FROM HOP(t, ts, INTERVAL '10' SECOND, INTERVAL '20' SECOND) GROUP BY window_start, window_end

input t:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:05Z |
  | 2 | 2024-01-01T00:00:39Z |
  | 4 | 2024-01-01T00:00:06Z |
  | 8 | 2024-01-01T00:01:00Z |
  | 3 | 2024-01-01T00:00:19Z | -- Late in out

rows out:
  | sum | window_end           |
  | 2   | 2024-01-01T00:00:40Z |
  | 2   | 2024-01-01T00:00:50Z |
  | 5   | 2024-01-01T00:00:10Z |
  | 5   | 2024-01-01T00:00:20Z |
  | 8   | 2024-01-01T00:01:10Z |
  | 8   | 2024-01-01T00:01:20Z |
