-- Sessions in a table: how many each key had, and the longest.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream visits:
  SELECT k, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '15' SECOND) GROUP BY k, window_start, window_end


stream visitors:
  SELECT k, count(*) AS visits, max(rows) AS most FROM visits GROUP BY k


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
  | k    | rows | window_start         | window_end           |
  | a    | 1    | 2024-01-01T00:01:58Z | 2024-01-01T00:02:13Z |
  | a    | 3    | 2024-01-01T00:00:01Z | 2024-01-01T00:00:27Z |
  | b    | 1    | 2024-01-01T00:00:03Z | 2024-01-01T00:00:18Z |
  | b    | 1    | 2024-01-01T00:00:25Z | 2024-01-01T00:00:40Z |
  | b    | 1    | 2024-01-01T00:01:02Z | 2024-01-01T00:01:17Z |
  | c    | 1    | 2024-01-01T00:00:39Z | 2024-01-01T00:00:54Z |
  | null | 1    | 2024-01-01T00:00:11Z | 2024-01-01T00:00:26Z |

rows visitors:
  | k    | visits | most |
  | a    | 2      | 3    |
  | b    | 3      | 1    |
  | c    | 1      | 1    |
  | null | 1      | 1    |
