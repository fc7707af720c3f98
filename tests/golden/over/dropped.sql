-- Late rows may be dropped; then they are only counted.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  lateRecords: Drop
  SELECT k, n, sum(n) OVER (PARTITION BY k ORDER BY ts) AS total FROM t

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:10Z |
  | a | 2 | 2024-01-01T00:00:09Z | -- Dropped in out
  | a | 4 | 2024-01-01T00:00:11Z |

rows out:
  | k | n | total |
  | a | 1 | 1     |
  | a | 4 | 5     |
