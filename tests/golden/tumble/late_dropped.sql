-- With lateRecords: Drop late records are counted, and go nowhere.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  lateRecords: Drop
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:05Z |
  | 2 | 2024-01-01T00:00:20Z |
  | 4 | 2024-01-01T00:00:05Z | -- Dropped in out
  | 8 | 2024-01-01T00:00:09Z | -- Dropped in out

rows out:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 2   | 2024-01-01T00:00:20Z |
