-- A row that comes late but in time joins two sessions into one.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 30s}

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 2 | 2024-01-01T00:00:16Z |
  | a | 4 | 2024-01-01T00:00:08Z |

rows out:
  | k | sum | rows | window_start         | window_end           |
  | a | 7   | 3    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:26Z |
