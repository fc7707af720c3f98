-- A row counts for each window that its time falls into: three of them here, the first from before it.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, count(*) AS rows, window_start, window_end FROM HOP(t, ts, INTERVAL '5' SECOND, INTERVAL '15' SECOND) GROUP BY window_start, window_end

input t:
  | n  | ts                          |
  | 1  | 2024-01-01T00:00:00Z        |
  | 2  | 2024-01-01T00:00:04.999999Z |
  | 4  | 2024-01-01T00:00:05Z        |
  | 8  | 2024-01-01T00:00:12Z        |
  | 16 | 2024-01-01T00:01:00Z        |

rows out:
  | sum | rows | window_start         | window_end           |
  | 12  | 2    | 2024-01-01T00:00:05Z | 2024-01-01T00:00:20Z |
  | 15  | 4    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:15Z |
  | 16  | 1    | 2024-01-01T00:00:50Z | 2024-01-01T00:01:05Z |
  | 16  | 1    | 2024-01-01T00:00:55Z | 2024-01-01T00:01:10Z |
  | 16  | 1    | 2024-01-01T00:01:00Z | 2024-01-01T00:01:15Z |
  | 3   | 2    | 2023-12-31T23:59:50Z | 2024-01-01T00:00:05Z |
  | 7   | 3    | 2023-12-31T23:59:55Z | 2024-01-01T00:00:10Z |
  | 8   | 1    | 2024-01-01T00:00:10Z | 2024-01-01T00:00:25Z |
