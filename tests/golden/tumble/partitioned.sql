-- A topic that is partitioned by the key needs no shuffle: each partition closes its windows by its own time.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:05Z |
  | 1 | b | 2 | 2024-01-01T00:00:01Z |
  | 0 | a | 4 | 2024-01-01T00:01:00Z |
  | 1 | b | 8 | 2024-01-01T00:00:02Z | -- far behind partition 0, and on time

rows out so far:
  | k | sum | rows | window_start         |
  | a | 1   | 1    | 2024-01-01T00:00:00Z |

input t:
  | # | k | n  | ts                   |
  | 1 | c | 16 | 2024-01-01T00:00:20Z |
  | 0 | a | 32 | 2024-01-01T00:00:05Z | -- Late in out

rows out:
  | k | sum | rows | window_start         |
  | a | 1   | 1    | 2024-01-01T00:00:00Z |
  | a | 4   | 1    | 2024-01-01T00:01:00Z |
  | b | 10  | 2    | 2024-01-01T00:00:00Z |
  | c | 16  | 1    | 2024-01-01T00:00:20Z |
