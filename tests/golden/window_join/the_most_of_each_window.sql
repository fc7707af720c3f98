-- The rows of a window with its greatest, by the window alone.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT r.k, r.n, r.window_start FROM TUMBLE(a, ts, INTERVAL '1' MINUTE) r JOIN (
    SELECT max(n) AS most, window_start, window_end FROM TUMBLE(a, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end
  ) m ON r.window_start = m.window_start AND r.window_end = m.window_end AND r.n = m.most

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

rows out:
  | k    | n   | window_start         |
  | null | 8   | 2024-02-29T00:01:00Z |
  | x    | 128 | 2024-02-29T00:10:00Z |
  | y    | 2   | 2024-02-29T00:00:00Z |
  | y    | 32  | 2024-02-29T00:03:00Z |
  | z    | 16  | 2024-02-29T00:02:00Z |
