-- Of the groups of a window the greatest count: a grouping of the rows of a grouping, by the window they carry.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream most:
  SELECT max(rows) AS most, window_start, window_end FROM (
    SELECT k, count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end
  ) GROUP BY window_start, window_end


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

rows most:
  | most | window_start         | window_end           |
  | 1    | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z |
  | 1    | 2024-01-01T00:00:20Z | 2024-01-01T00:00:30Z |
  | 1    | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z |
  | 1    | 2024-01-01T00:01:00Z | 2024-01-01T00:01:10Z |
  | 1    | 2024-01-01T00:01:50Z | 2024-01-01T00:02:00Z |
  | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
