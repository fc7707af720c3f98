-- A CTE that is read twice, on both sides of UNION ALL.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream both:
  WITH sums AS (SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '20' SECOND) GROUP BY k, window_start, window_end)
  SELECT k, sum, 'small' AS size FROM sums WHERE sum < 10 UNION ALL SELECT k, sum, 'large' FROM sums WHERE sum >= 10


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

rows both:
  | k    | sum | size  |
  | a    | 128 | large |
  | a    | 5   | small |
  | b    | 16  | large |
  | b    | 2   | small |
  | b    | 64  | large |
  | c    | 32  | large |
  | null | 8   | small |
