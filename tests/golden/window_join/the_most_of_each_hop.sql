-- What is there most often in each window, as Nexmark's query 5 has it: ties are all there.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT AB.k, AB.num, AB.starttime FROM (
    SELECT k, count(*) AS num, window_start AS starttime, window_end AS endtime
    FROM TABLE(HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) GROUP BY k, window_start, window_end
  ) AS AB JOIN (
    SELECT max(CB.num) AS maxn, CB.starttime, CB.endtime FROM (
      SELECT count(*) AS num, window_start AS starttime, window_end AS endtime
      FROM TABLE(HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) GROUP BY k, window_start, window_end
    ) AS CB GROUP BY CB.starttime, CB.endtime
  ) AS MB ON AB.starttime = MB.starttime AND AB.endtime = MB.endtime AND AB.num >= MB.maxn

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
  | k    | num | starttime            |
  | null | 1   | 2024-02-29T00:01:00Z |
  | x    | 1   | 2024-02-28T23:59:00Z |
  | x    | 1   | 2024-02-29T00:01:00Z |
  | x    | 2   | 2024-02-29T00:00:00Z |
  | x    | 2   | 2024-02-29T00:09:00Z |
  | x    | 2   | 2024-02-29T00:10:00Z |
  | y    | 1   | 2024-02-28T23:59:00Z |
  | y    | 1   | 2024-02-29T00:02:00Z |
  | y    | 1   | 2024-02-29T00:03:00Z |
  | z    | 1   | 2024-02-29T00:01:00Z |
  | z    | 1   | 2024-02-29T00:02:00Z |
