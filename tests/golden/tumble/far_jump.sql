-- A record from far in the future closes everything before it, and what comes then is late.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}

stream out:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY window_start, window_end

input t:
  | n  | ts                   |
  | 1  | 2024-01-01T00:00:00Z |
  | 2  | 2262-01-01T00:00:00Z |
  | 4  | 2024-01-01T00:00:01Z | -- Late in out
  | 8  | 2261-12-31T23:59:00Z | -- the end of its window is not behind the watermark
  | 16 | 2261-12-31T23:00:00Z |
  | 32 | 2261-12-31T22:59:59Z | -- Late in out

rows out:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 2   | 2262-01-01T00:00:00Z |
  | 24  | 2261-12-31T23:00:00Z |
