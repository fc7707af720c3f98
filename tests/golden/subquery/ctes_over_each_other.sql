-- CTEs that read each other, each grouping the one before.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream top:
  WITH per_user AS (
    SELECT k, u, count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '30' SECOND) GROUP BY k, u, window_start, window_end
  ), per_key AS (
    SELECT k, sum(rows) AS rows, count(*) AS users, window_start, window_end FROM per_user GROUP BY k, window_start, window_end
  )
  SELECT max(rows) AS rows, max(users) AS users, window_start FROM per_key GROUP BY window_start, window_end


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

rows top:
  | rows | users | window_start         |
  | 1    | 1     | 2024-01-01T00:00:30Z |
  | 1    | 1     | 2024-01-01T00:01:00Z |
  | 1    | 1     | 2024-01-01T00:01:30Z |
  | 3    | 2     | 2024-01-01T00:00:00Z |
