-- A row exactly the gap after another belongs to its session; a microsecond later it does not.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                          |
  | a | 1 | 2024-01-01T00:00:00Z        |
  | a | 2 | 2024-01-01T00:00:10Z        |
  | a | 4 | 2024-01-01T00:00:20.000001Z |
  | b | 8 | 2024-01-01T00:01:00Z        |

rows out:
  | k | sum | rows | window_start                | window_end                  |
  | a | 3   | 2    | 2024-01-01T00:00:00Z        | 2024-01-01T00:00:20Z        |
  | a | 4   | 1    | 2024-01-01T00:00:20.000001Z | 2024-01-01T00:00:30.000001Z |
  | b | 8   | 1    | 2024-01-01T00:01:00Z        | 2024-01-01T00:01:10Z        |
