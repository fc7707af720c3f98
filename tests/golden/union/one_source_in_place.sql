-- Two halves of one source that is partitioned by the key are grouped where they are.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream signed:
  SELECT k, n, ts FROM a WHERE n > 3 UNION ALL SELECT k, -n, ts FROM a WHERE n <= 3

stream sums:
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(signed, ts, INTERVAL '20' SECOND) GROUP BY k, window_start, window_end

input a:
  | # | k | n    | ts                   |
  | 0 | x | 1    | 2024-02-29T00:00:01Z |
  | 1 | y | 2    | 2024-02-29T00:00:03Z |
  | 0 | x | 4    | 2024-02-29T00:00:12Z |
  | 0 | x | 7    | 2024-02-29T00:00:31Z |
  | 1 | y | 16   | 2024-02-29T00:01:02Z |

rows signed:
  | k | n  | ts                   |
  | x | -1 | 2024-02-29T00:00:01Z |
  | x | 4  | 2024-02-29T00:00:12Z |
  | x | 7  | 2024-02-29T00:00:31Z |
  | y | -2 | 2024-02-29T00:00:03Z |
  | y | 16 | 2024-02-29T00:01:02Z |

rows sums:
  | k | sum | window_start         |
  | x | 3   | 2024-02-29T00:00:00Z |
  | x | 7   | 2024-02-29T00:00:20Z |
  | y | -2  | 2024-02-29T00:00:00Z |
  | y | 16  | 2024-02-29T00:01:00Z |
