-- Where the key has what the topic is partitioned by, rows stay where they are.

source t: k String, id Int64, n Int64, ts Timestamp
  eventTime: {column: ts}
  deduplicate: {key: [k, id], within: 1h}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start

input t:
  | # | k | id | n  | ts                   |
  | 0 | a | 1  | 1  | 2024-01-01T00:00:00Z |
  | 0 | a | 1  | 2  | 2024-01-01T00:00:30Z | -- Dropped
  | 1 | b | 1  | 4  | 2024-01-01T00:00:30Z |
  | 0 | a | 2  | 8  | 2024-01-01T00:00:40Z |
  | 0 | a | 2  | 16 | 2024-01-01T00:59:40Z | -- Dropped
  | 0 | a | 1  | 32 | 2024-01-01T01:30:00Z |

rows out:
  | k | sum | window_start         |
  | a | 32  | 2024-01-01T01:30:00Z |
  | a | 9   | 2024-01-01T00:00:00Z |
  | b | 4   | 2024-01-01T00:00:00Z |
