-- A window is open until the watermark has passed its end by allowedLateness, and closes with all that came until then.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  allowedLateness: 5s
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n | ts                          |
  | 1 | 2024-01-01T00:00:05Z        |
  | 2 | 2024-01-01T00:00:14.999999Z |
  | 4 | 2024-01-01T00:00:09Z        | -- late, but allowed

rows out so far:

input t:
  | n  | ts                   |
  | 8  | 2024-01-01T00:00:15Z |
  | 16 | 2024-01-01T00:00:09Z | -- Late in out

rows out so far:
  | sum | window_start         |
  | 5   | 2024-01-01T00:00:00Z |

rows out:
  | sum | window_start         |
  | 10  | 2024-01-01T00:00:10Z |
  | 5   | 2024-01-01T00:00:00Z |
