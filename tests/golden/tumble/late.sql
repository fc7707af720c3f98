-- When the watermark has reached a window's end, a record for it is late; one for a window still open is not.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n  | ts                          |
  | 1  | 2024-01-01T00:00:09Z        |
  | 2  | 2024-01-01T00:00:15Z        | -- the watermark is the end of the first window
  | 4  | 2024-01-01T00:00:09.999999Z | -- Late in out
  | 8  | 2024-01-01T00:00:10Z        |
  | 16 | 2024-01-01T00:00:00Z        | -- Late in out
  | 32 | 2024-01-01T01:00:00Z        |
  | 64 | 2024-01-01T00:00:15Z        | -- Late in out

rows out:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 10  | 2024-01-01T00:00:10Z |
  | 32  | 2024-01-01T01:00:00Z |
