-- A CTE that filters, and windows over it.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream sums:
  WITH big AS (SELECT k, n * 10 AS tens, ts AS occurred FROM t WHERE n > 1)
  SELECT k, sum(tens) AS sum, window_start FROM TUMBLE(big, occurred, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end


input t:
  | # | k    | u | n    | ts                   |
  | 0 | a    | p | 1    | 2024-01-01T00:00:01Z |
  | 1 | b    | q | 2    | 2024-01-01T00:00:03Z |
  | 0 | a    | q | 4    | 2024-01-01T00:00:02Z |
  | 1 | null | p | 8    | 2024-01-01T00:00:11Z |
  | 0 | a    | p | null | 2024-01-01T00:00:12Z |
  | 1 | b    | p | 16   | 2024-01-01T00:00:25Z |
  | 0 | c    | q | 32   | 2024-01-01T00:00:39Z |
  | 1 | b    | q | 64   | 2024-01-01T00:01:02Z |
  | 0 | a    | p | 128  | 2024-01-01T00:01:58Z |

rows sums:
  | k    | sum  | window_start         |
  | a    | 1280 | 2024-01-01T00:01:50Z |
  | a    | 40   | 2024-01-01T00:00:00Z |
  | b    | 160  | 2024-01-01T00:00:20Z |
  | b    | 20   | 2024-01-01T00:00:00Z |
  | b    | 640  | 2024-01-01T00:01:00Z |
  | c    | 320  | 2024-01-01T00:00:30Z |
  | null | 80   | 2024-01-01T00:00:10Z |
