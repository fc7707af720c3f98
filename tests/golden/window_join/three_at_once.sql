-- Three streams in the same windows, and what is there is grouped by them again.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT x.k, x.window_start, x.window_end, x.n, y.m, z.rows FROM (
    SELECT k, sum(n) AS n, window_start, window_end FROM TUMBLE(a, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end
  ) x JOIN (
    SELECT k, sum(m) AS m, window_start, window_end FROM TUMBLE(b, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end
  ) y ON x.k = y.k AND x.window_start = y.window_start AND x.window_end = y.window_end
  LEFT JOIN (
    SELECT count(*) AS rows, window_start, window_end FROM TUMBLE(b, ts, INTERVAL '1' MINUTE) WHERE m < 10 GROUP BY window_start, window_end
  ) z ON z.window_start = x.window_start AND z.window_end = x.window_end

stream again:
  SELECT sum(n) AS n, count(rows) AS some, window_start FROM out GROUP BY window_start, window_end

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
  | k | window_start         | window_end           | n   | m  | rows |
  | x | 2024-02-29T00:00:00Z | 2024-02-29T00:01:00Z | 1   | 1  | 2    |
  | x | 2024-02-29T00:01:00Z | 2024-02-29T00:02:00Z | 4   | 8  | 2    |
  | x | 2024-02-29T00:10:00Z | 2024-02-29T00:11:00Z | 192 | 64 | null |
  | y | 2024-02-29T00:00:00Z | 2024-02-29T00:01:00Z | 2   | 2  | 2    |
  | z | 2024-02-29T00:02:00Z | 2024-02-29T00:03:00Z | 16  | 16 | null |

rows again:
  | n   | some | window_start         |
  | 16  | 0    | 2024-02-29T00:02:00Z |
  | 192 | 0    | 2024-02-29T00:10:00Z |
  | 3   | 2    | 2024-02-29T00:00:00Z |
  | 4   | 1    | 2024-02-29T00:01:00Z |
