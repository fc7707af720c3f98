-- Rows as they are, each with those of the same window, and counted by it.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT l.k, l.n, r.m, l.window_start, l.window_end
  FROM TUMBLE(a, ts, INTERVAL '1' MINUTE) l JOIN TUMBLE(b, ts, INTERVAL '1' MINUTE) r
  ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end

stream counts:
  SELECT count(*) AS rows, sum(n) AS sum, window_end FROM out GROUP BY window_start, window_end

stream missing:
  SELECT l.k, l.n, l.window_start FROM TUMBLE(a, ts, INTERVAL '1' MINUTE) l LEFT JOIN TUMBLE(b, ts, INTERVAL '1' MINUTE) r
  ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end WHERE r.k IS NULL

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
  | k | n   | m  | window_start         | window_end           |
  | x | 1   | 1  | 2024-02-29T00:00:00Z | 2024-02-29T00:01:00Z |
  | x | 128 | 64 | 2024-02-29T00:10:00Z | 2024-02-29T00:11:00Z |
  | x | 4   | 8  | 2024-02-29T00:01:00Z | 2024-02-29T00:02:00Z |
  | x | 64  | 64 | 2024-02-29T00:10:00Z | 2024-02-29T00:11:00Z |
  | y | 2   | 2  | 2024-02-29T00:00:00Z | 2024-02-29T00:01:00Z |
  | z | 16  | 16 | 2024-02-29T00:02:00Z | 2024-02-29T00:03:00Z |

rows counts:
  | rows | sum | window_end           |
  | 1    | 16  | 2024-02-29T00:03:00Z |
  | 1    | 4   | 2024-02-29T00:02:00Z |
  | 2    | 192 | 2024-02-29T00:11:00Z |
  | 2    | 3   | 2024-02-29T00:01:00Z |

rows missing:
  | k    | n  | window_start         |
  | null | 8  | 2024-02-29T00:01:00Z |
  | y    | 32 | 2024-02-29T00:03:00Z |
