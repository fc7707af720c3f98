-- By the key that the topic is partitioned by.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  partitionedBy: [k]

stream out:
  SELECT k, max(n) AS most, window_start, window_end FROM CUMULATE(t, ts, INTERVAL '10' SECOND, INTERVAL '1' MINUTE) WHERE n <> 3 GROUP BY k, window_start, window_end HAVING max(n) > 1

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:05Z |
  | 1 | b | 2 | 2024-01-01T00:00:06Z |
  | 0 | a | 3 | 2024-01-01T00:00:25Z |
  | 0 | a | 4 | 2024-01-01T00:00:45Z |

rows out:
  | k | most | window_start         | window_end           |
  | a | 4    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:50Z |
  | a | 4    | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | b | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | b | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |
  | b | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:30Z |
  | b | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:40Z |
  | b | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:50Z |
  | b | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
