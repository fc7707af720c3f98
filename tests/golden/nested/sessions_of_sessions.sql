-- Longer sessions over the last moments of sessions; the sum of each.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream visits:
  SELECT k, count(*) AS rows, window_time AS last FROM SESSION(t, ts, INTERVAL '5' SECOND) GROUP BY k, window_start, window_end, window_time

stream longer:
  SELECT k, count(*) AS visits, sum(rows) AS rows, window_start, window_end
  FROM SESSION(visits, last, INTERVAL '30' SECOND) GROUP BY k, window_start, window_end

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

rows visits:
  | k    | rows | last                        |
  | a    | 1    | 2024-01-01T00:00:16.999999Z |
  | a    | 1    | 2024-01-01T00:02:02.999999Z |
  | a    | 2    | 2024-01-01T00:00:06.999999Z |
  | b    | 1    | 2024-01-01T00:00:07.999999Z |
  | b    | 1    | 2024-01-01T00:00:29.999999Z |
  | b    | 1    | 2024-01-01T00:01:06.999999Z |
  | c    | 1    | 2024-01-01T00:00:43.999999Z |
  | null | 1    | 2024-01-01T00:00:15.999999Z |

rows longer:
  | k    | visits | rows | window_start                | window_end                  |
  | a    | 1      | 1    | 2024-01-01T00:02:02.999999Z | 2024-01-01T00:02:32.999999Z |
  | a    | 2      | 3    | 2024-01-01T00:00:06.999999Z | 2024-01-01T00:00:46.999999Z |
  | b    | 1      | 1    | 2024-01-01T00:01:06.999999Z | 2024-01-01T00:01:36.999999Z |
  | b    | 2      | 2    | 2024-01-01T00:00:07.999999Z | 2024-01-01T00:00:59.999999Z |
  | c    | 1      | 1    | 2024-01-01T00:00:43.999999Z | 2024-01-01T00:01:13.999999Z |
  | null | 1      | 1    | 2024-01-01T00:00:15.999999Z | 2024-01-01T00:00:45.999999Z |
