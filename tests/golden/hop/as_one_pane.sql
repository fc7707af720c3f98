-- A slide as long as the window is TUMBLE.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, window_start FROM HOP(t, ts, INTERVAL '10' SECOND, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:01Z |
  | 2 | 2024-01-01T00:00:09Z |
  | 4 | 2024-01-01T00:00:10Z |

rows out:
  | sum | window_start         |
  | 3   | 2024-01-01T00:00:00Z |
  | 4   | 2024-01-01T00:00:10Z |
