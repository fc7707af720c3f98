-- Grouped three times in one query.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream peak:
  SELECT max(most) AS most, count(*) AS minutes FROM (
    SELECT max(sum) AS most, window_start, window_end FROM (
      SELECT k, u, sum(n) AS sum, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY k, u, window_start, window_end
    ) GROUP BY window_start, window_end
  )


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

rows peak:
  | most | minutes |
  | 128  | 2       |
