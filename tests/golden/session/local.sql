-- By the key that the topic is partitioned by, filtered before and after.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end HAVING count(*) > 1

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:00Z |
  | 1 | b | 2 | 2024-01-01T00:00:01Z |
  | 0 | a | 4 | 2024-01-01T00:00:07Z |
  | 1 | b | 8 | 2024-01-01T00:01:00Z |
  | 0 | c | 9 | 2024-01-01T00:01:00Z |

rows out:
  | k | sum | window_start         | window_end           |
  | a | 5   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:17Z |
