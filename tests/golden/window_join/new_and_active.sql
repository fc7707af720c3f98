-- Who appears in the same window on both sides, as Nexmark's query 8 has it.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT P.k, P.starttime FROM (
    SELECT k, window_start AS starttime, window_end AS endtime
    FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end
  ) P JOIN (
    SELECT k, window_start AS starttime, window_end AS endtime
    FROM TABLE(TUMBLE(TABLE b, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end
  ) A ON P.k = A.k AND P.starttime = A.starttime AND P.endtime = A.endtime

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
  | k | starttime            |
  | x | 2024-02-29T00:00:00Z |
  | x | 2024-02-29T00:01:00Z |
  | x | 2024-02-29T00:10:00Z |
  | y | 2024-02-29T00:00:00Z |
  | z | 2024-02-29T00:02:00Z |
