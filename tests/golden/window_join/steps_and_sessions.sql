-- CUMULATE and SESSION windows that are the same on both sides.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream steps:
  SELECT l.k, l.rows, r.rows AS others, l.window_end FROM (
    SELECT k, count(*) AS rows, window_start, window_end FROM CUMULATE(a, ts, INTERVAL '1' MINUTE, INTERVAL '3' MINUTE) GROUP BY k, window_start, window_end
  ) l JOIN (
    SELECT k, count(*) AS rows, window_start, window_end FROM CUMULATE(b, ts, INTERVAL '1' MINUTE, INTERVAL '3' MINUTE) GROUP BY k, window_start, window_end
  ) r ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end

stream sessions:
  SELECT l.k, l.n, r.m, l.window_start, l.window_end FROM (
    SELECT k, sum(n) AS n, window_start, window_end FROM SESSION(a, ts, INTERVAL '30' SECOND) GROUP BY k, window_start, window_end
  ) l LEFT JOIN (
    SELECT k, sum(m) AS m, window_start, window_end FROM SESSION(b, ts, INTERVAL '30' SECOND) GROUP BY k, window_start, window_end
  ) r ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end

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

rows steps:
  | k | rows | others | window_end           |
  | x | 1    | 1      | 2024-02-29T00:01:00Z |
  | x | 2    | 1      | 2024-02-29T00:11:00Z |
  | x | 2    | 1      | 2024-02-29T00:12:00Z |
  | x | 2    | 2      | 2024-02-29T00:02:00Z |
  | x | 2    | 2      | 2024-02-29T00:03:00Z |
  | y | 1    | 1      | 2024-02-29T00:01:00Z |
  | y | 1    | 1      | 2024-02-29T00:02:00Z |
  | y | 1    | 1      | 2024-02-29T00:03:00Z |
  | y | 1    | 1      | 2024-02-29T00:05:00Z |
  | y | 1    | 1      | 2024-02-29T00:06:00Z |
  | z | 1    | 1      | 2024-02-29T00:03:00Z |

rows sessions:
  | k    | n   | m    | window_start         | window_end           |
  | null | 8   | null | 2024-02-29T00:01:10Z | 2024-02-29T00:01:40Z |
  | x    | 1   | null | 2024-02-29T00:00:00Z | 2024-02-29T00:00:30Z |
  | x    | 192 | null | 2024-02-29T00:10:00Z | 2024-02-29T00:11:00Z |
  | x    | 4   | null | 2024-02-29T00:01:00Z | 2024-02-29T00:01:30Z |
  | y    | 2   | 2    | 2024-02-29T00:00:10Z | 2024-02-29T00:00:40Z |
  | y    | 32  | null | 2024-02-29T00:03:00Z | 2024-02-29T00:03:30Z |
  | z    | 16  | null | 2024-02-29T00:02:00Z | 2024-02-29T00:02:30Z |
