-- What is late for its window is joined with nothing; what is late for its time only is.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT l.k, l.n, r.rows, l.window_start FROM TUMBLE(a, ts, INTERVAL '10' SECOND) l JOIN (
    SELECT k, count(*) AS rows, window_start, window_end FROM TUMBLE(b, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end
  ) r ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end

input a:
  | # | k | n  | ts                   |
  | 0 | x | 1  | 2024-01-01T00:00:05Z |
  | 0 | x | 2  | 2024-01-01T00:00:01Z |
  | 0 | x | 4  | 2024-01-01T00:00:12Z |
  | 0 | x | 8  | 2024-01-01T00:00:09Z | -- Late in out
  | 0 | x | 16 | 2024-01-01T00:00:10Z |

input b:
  | # | k | m  | ts                   |
  | 0 | x | 1  | 2024-01-01T00:00:09Z |
  | 0 | x | 2  | 2024-01-01T00:00:08Z |
  | 0 | x | 4  | 2024-01-01T00:00:10Z |
  | 0 | x | 8  | 2024-01-01T00:00:09Z | -- Late in out
  | 1 | x | 16 | 2024-01-01T00:00:09Z |

rows out:
  | k | n  | rows | window_start         |
  | x | 1  | 3    | 2024-01-01T00:00:00Z |
  | x | 16 | 1    | 2024-01-01T00:00:10Z |
  | x | 2  | 3    | 2024-01-01T00:00:00Z |
  | x | 4  | 1    | 2024-01-01T00:00:10Z |
