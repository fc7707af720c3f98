-- Null is a key like any other, and so is a key of several columns.

source t: k String, m Int32, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, m, sum(n) AS sum, count(*) AS rows, window_start FROM COUNT_WINDOW(t, 2) GROUP BY k, m, window_start

input t:
  | k | m | n  | ts                   |
  |   | 1 | 1  | 2024-01-01T00:00:00Z |
  |   |   | 2  | 2024-01-01T00:00:01Z |
  | a |   | 4  | 2024-01-01T00:00:02Z |
  |   | 1 | 8  | 2024-01-01T00:00:03Z |
  |   |   |    | 2024-01-01T00:00:04Z |
  | a | 1 | 16 | 2024-01-01T00:00:05Z |
  | a |   | 32 | 2024-01-01T00:00:06Z |

rows out:
  | k    | m    | sum | rows | window_start         |
  | a    | null | 36  | 2    | 2024-01-01T00:00:02Z |
  | null | 1    | 9   | 2    | 2024-01-01T00:00:00Z |
  | null | null | 2   | 2    | 2024-01-01T00:00:01Z |
