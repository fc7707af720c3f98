-- Sums of a window that the other stream has none for go on when it is closed.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT l.k, sum, l.window_start, r.k AS other, rows, r.window_start AS other_start FROM (SELECT k, sum(n) AS sum, window_start, window_end FROM TUMBLE(a, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end) l
  LEFT JOIN (SELECT k, count(*) AS rows, window_start, window_end FROM TUMBLE(b, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end) r
  ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end

input a:
  | # | k    | n   | ts                   |
  | 0 | x    | 1   | 2024-02-29T00:00:00Z |
  | 1 | y    | 2   | 2024-02-29T00:00:10Z |
  | 0 | x    | 4   | 2024-02-29T00:01:00Z |
  | 1 | null | 8   | 2024-02-29T00:01:10Z |
  | 0 | z    | 16  | 2024-02-29T00:02:00Z |
  | 1 | y    | 32  | 2024-02-29T00:03:00Z |
  | 0 | x    | 64  | 2024-02-29T00:10:00Z |
  | 1 | x    | 128 | 2024-02-29T00:10:30Z |

input b:
  | # | k    | m   | ts                     |
  | 0 | x    | 1   | 2024-02-29T00:00:30Z   |
  | 1 | y    | 2   | 2024-02-29T00:00:10Z   |
  | 0 | null | 4   | 2024-02-29T00:01:00Z   |
  | 1 | x    | 8   | 2024-02-29T00:01:30Z   |
  | 0 | z    | 16  | 2024-02-29T00:02:00.5Z |
  | 1 | y    | 32  | 2024-02-29T00:04:00Z   |
  | 0 | x    | 64  | 2024-02-29T00:10:00Z   |
  | 1 | z    | 128 | 2024-02-29T00:20:00Z   |

rows out:
  | k    | sum | window_start         | other | rows | other_start          |
  | null | 8   | 2024-02-29T00:01:00Z | null  | null | null                 |
  | x    | 1   | 2024-02-29T00:00:00Z | x     | 1    | 2024-02-29T00:00:00Z |
  | x    | 192 | 2024-02-29T00:10:00Z | x     | 1    | 2024-02-29T00:10:00Z |
  | x    | 4   | 2024-02-29T00:01:00Z | x     | 1    | 2024-02-29T00:01:00Z |
  | y    | 2   | 2024-02-29T00:00:00Z | y     | 1    | 2024-02-29T00:00:00Z |
  | y    | 32  | 2024-02-29T00:03:00Z | null  | null | null                 |
  | z    | 16  | 2024-02-29T00:02:00Z | z     | 1    | 2024-02-29T00:02:00Z |
