-- WHERE comes after the windows are opened: what it leaves out is counted into them, and of a window that it keeps nothing of
-- there is no row.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start FROM COUNT_WINDOW(t, 2) WHERE n > 0 GROUP BY k, window_start

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:00Z |
  | a | -3 | 2024-01-01T00:00:01Z |
  | a | 5  | 2024-01-01T00:00:02Z |
  | a | 6  | 2024-01-01T00:00:03Z |
  | b | -1 | 2024-01-01T00:00:04Z |
  | b |    | 2024-01-01T00:00:05Z |
  | b | 9  | 2024-01-01T00:00:06Z |

rows out:
  | k | sum | rows | window_start         |
  | a | 1   | 1    | 2024-01-01T00:00:00Z |
  | a | 11  | 2    | 2024-01-01T00:00:02Z |
