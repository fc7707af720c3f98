-- Windows of different sources put together, and grouped by what they carry.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream counts:
  SELECT k, window_start, window_end, sum(rows) AS rows FROM (
    SELECT k, window_start, window_end, count(*) AS rows FROM TUMBLE(a, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end
    UNION ALL
    SELECT k, window_start, window_end, count(*) FROM TUMBLE(b, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end
  ) GROUP BY k, window_start, window_end

input a:
  | # | k    | n    | ts                   |
  | 0 | x    | 1    | 2024-02-29T00:00:01Z |
  | 1 | y    | 2    | 2024-02-29T00:00:03Z |
  | 0 | x    | 4    | 2024-02-29T00:00:12Z |
  | 1 | null | 8    | 2024-02-29T00:00:14Z |
  | 0 | x    | null | 2024-02-29T00:00:31Z |
  | 1 | y    | 16   | 2024-02-29T00:01:02Z |

input b:
  | # | k    | n   | ts                   |
  | 0 | x    | 32  | 2024-02-29T00:00:02Z |
  | 1 | z    | 64  | 2024-02-29T00:00:13Z |
  | 0 | null | 128 | 2024-02-29T00:00:15Z |
  | 1 | x    | 256 | 2024-02-29T00:00:33Z |
  | 0 | z    | 512 | 2024-02-29T00:01:40Z |

rows counts:
  | k    | window_start         | window_end           | rows |
  | null | 2024-02-29T00:00:10Z | 2024-02-29T00:00:20Z | 2    |
  | x    | 2024-02-29T00:00:00Z | 2024-02-29T00:00:10Z | 2    |
  | x    | 2024-02-29T00:00:10Z | 2024-02-29T00:00:20Z | 1    |
  | x    | 2024-02-29T00:00:30Z | 2024-02-29T00:00:40Z | 2    |
  | y    | 2024-02-29T00:00:00Z | 2024-02-29T00:00:10Z | 1    |
  | y    | 2024-02-29T00:01:00Z | 2024-02-29T00:01:10Z | 1    |
  | z    | 2024-02-29T00:00:10Z | 2024-02-29T00:00:20Z | 1    |
  | z    | 2024-02-29T00:01:40Z | 2024-02-29T00:01:50Z | 1    |
