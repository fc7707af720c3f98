-- Queries as they are written for Flink: windows of windows.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream most:
  SELECT window_start, window_end, MAX(num) AS maxn
  FROM (
    SELECT k, COUNT(*) AS num, window_start, window_end
    FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND))
    GROUP BY k, window_start, window_end
  ) AS CountBids
  GROUP BY window_start, window_end


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
  | window_start         | window_end           | maxn |
  | 2023-12-31T23:59:50Z | 2024-01-01T00:00:10Z | 2    |
  | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z | 3    |
  | 2024-01-01T00:00:10Z | 2024-01-01T00:00:30Z | 1    |
  | 2024-01-01T00:00:20Z | 2024-01-01T00:00:40Z | 1    |
  | 2024-01-01T00:00:30Z | 2024-01-01T00:00:50Z | 1    |
  | 2024-01-01T00:00:50Z | 2024-01-01T00:01:10Z | 1    |
  | 2024-01-01T00:01:00Z | 2024-01-01T00:01:20Z | 1    |
  | 2024-01-01T00:01:40Z | 2024-01-01T00:02:00Z | 1    |
  | 2024-01-01T00:01:50Z | 2024-01-01T00:02:10Z | 1    |
