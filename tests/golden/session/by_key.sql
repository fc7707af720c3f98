-- Rows of a key that come within the gap after each other are one session; it ends the gap after the last.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 20s}

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:01Z |
  | b | 2  | 2024-01-01T00:00:03Z |
  | a | 4  | 2024-01-01T00:00:09Z |
  | a | 8  | 2024-01-01T00:00:25Z |
  | b | 16 | 2024-01-01T00:00:14Z | -- eleven seconds after
  |   | 32 | 2024-01-01T00:00:30Z |

rows out:
  | k    | sum | rows | window_start         | window_end           |
  | a    | 5   | 2    | 2024-01-01T00:00:01Z | 2024-01-01T00:00:19Z |
  | a    | 8   | 1    | 2024-01-01T00:00:25Z | 2024-01-01T00:00:35Z |
  | b    | 16  | 1    | 2024-01-01T00:00:14Z | 2024-01-01T00:00:24Z |
  | b    | 2   | 1    | 2024-01-01T00:00:03Z | 2024-01-01T00:00:13Z |
  | null | 32  | 1    | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z |
