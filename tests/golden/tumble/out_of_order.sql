-- Records as much out of order as outOfOrderness allows are on time.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n  | ts                          |
  | 1  | 2024-01-01T00:00:09Z        |
  | 2  | 2024-01-01T00:00:14.999999Z | -- the watermark is just before the end of the first window
  | 4  | 2024-01-01T00:00:00Z        |
  | 8  | 2024-01-01T00:00:12Z        |
  | 16 | 2024-01-01T00:00:09.999999Z |

rows out:
  | sum | window_start         |
  | 10  | 2024-01-01T00:00:10Z |
  | 21  | 2024-01-01T00:00:00Z |
