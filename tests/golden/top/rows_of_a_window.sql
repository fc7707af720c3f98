-- Rows themselves are ranked in their window, without a grouping; nulls first, or last.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  partitionedBy: [k]

stream out:
  SELECT k, n, ts, rn FROM (
    SELECT k, n, ts, row_number() OVER (PARTITION BY k, window_start, window_end ORDER BY n DESC NULLS FIRST) AS rn
    FROM TUMBLE(t, ts, INTERVAL '10' SECOND)) WHERE rn <= 2

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a |   | 2024-01-01T00:00:08Z |
  | a | 7 | 2024-01-01T00:00:04Z |
  | b | 2 | 2024-01-01T00:00:09Z |
  | a | 3 | 2024-01-01T00:00:12Z |
  | b | 1 | 2024-01-01T00:00:31Z |
  | b | 9 | 2024-01-01T00:00:09Z | -- Late in out

rows out:
  | k | n    | ts                   | rn |
  | a | 3    | 2024-01-01T00:00:12Z | 1  |
  | a | 7    | 2024-01-01T00:00:04Z | 2  |
  | a | null | 2024-01-01T00:00:08Z | 1  |
  | b | 1    | 2024-01-01T00:00:31Z | 1  |
  | b | 2    | 2024-01-01T00:00:09Z | 1  |
