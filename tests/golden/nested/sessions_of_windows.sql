-- Sessions over the starts of windows.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream tens:
  SELECT k, sum(n) AS sum, window_start AS begin FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end


stream visits:
  SELECT k, sum(sum) AS sum, count(*) AS parts, window_start, window_end FROM SESSION(tens, begin, INTERVAL '15' SECOND) GROUP BY k, window_start, window_end


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

rows tens:
  | k    | sum  | begin                |
  | a    | 128  | 2024-01-01T00:01:50Z |
  | a    | 5    | 2024-01-01T00:00:00Z |
  | a    | null | 2024-01-01T00:00:10Z |
  | b    | 16   | 2024-01-01T00:00:20Z |
  | b    | 2    | 2024-01-01T00:00:00Z |
  | b    | 64   | 2024-01-01T00:01:00Z |
  | c    | 32   | 2024-01-01T00:00:30Z |
  | null | 8    | 2024-01-01T00:00:10Z |

rows visits:
  | k    | sum | parts | window_start         | window_end           |
  | a    | 128 | 1     | 2024-01-01T00:01:50Z | 2024-01-01T00:02:05Z |
  | a    | 5   | 2     | 2024-01-01T00:00:00Z | 2024-01-01T00:00:25Z |
  | b    | 16  | 1     | 2024-01-01T00:00:20Z | 2024-01-01T00:00:35Z |
  | b    | 2   | 1     | 2024-01-01T00:00:00Z | 2024-01-01T00:00:15Z |
  | b    | 64  | 1     | 2024-01-01T00:01:00Z | 2024-01-01T00:01:15Z |
  | c    | 32  | 1     | 2024-01-01T00:00:30Z | 2024-01-01T00:00:45Z |
  | null | 8   | 1     | 2024-01-01T00:00:10Z | 2024-01-01T00:00:25Z |
