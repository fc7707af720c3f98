-- Without a key, all rows are counted together.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 10s}

stream out:
  SELECT window_start, sum(n) AS sum FROM COUNT_WINDOW(t, 2) GROUP BY window_start

input t:
  | # | n  | ts                   |
  | 0 | 1  | 2024-01-01T00:00:00Z |
  | 1 | 2  | 2024-01-01T00:00:03Z |
  | 0 | 4  | 2024-01-01T00:00:02Z |
  | 1 | 8  | 2024-01-01T00:00:01Z |
  | 0 | 16 | 2024-01-01T00:00:59Z |

rows out:
  | window_start         | sum |
  | 2024-01-01T00:00:00Z | 9   |
  | 2024-01-01T00:00:02Z | 6   |
