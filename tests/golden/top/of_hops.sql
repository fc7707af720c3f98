-- Of windows that overlap, each has its best.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream sums:
  SELECT k, window_start, window_end, sum(n) AS sum FROM HOP(t, ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream out:
  SELECT window_end, k, sum FROM (SELECT *, row_number() OVER (PARTITION BY window_end ORDER BY sum DESC) AS rn FROM sums) WHERE rn = 1

input t:
  | # | k | n   | ts                   |
  | 0 | a | 1   | 2024-01-01T00:00:00Z |
  | 1 | b | 2   | 2024-01-01T00:00:03Z |
  | 0 | a | 4   | 2024-01-01T00:00:07Z |
  | 1 | b | 1   | 2024-01-01T00:00:12Z |
  | 0 | a | 16  | 2024-01-01T00:00:40Z |
  | 1 | b | 32  | 2024-01-01T00:00:41Z |

rows sums:
  | k | window_start         | window_end           | sum |
  | a | 2023-12-31T23:59:55Z | 2024-01-01T00:00:05Z | 1   |
  | a | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 5   |
  | a | 2024-01-01T00:00:05Z | 2024-01-01T00:00:15Z | 4   |
  | a | 2024-01-01T00:00:35Z | 2024-01-01T00:00:45Z | 16  |
  | a | 2024-01-01T00:00:40Z | 2024-01-01T00:00:50Z | 16  |
  | b | 2023-12-31T23:59:55Z | 2024-01-01T00:00:05Z | 2   |
  | b | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 2   |
  | b | 2024-01-01T00:00:05Z | 2024-01-01T00:00:15Z | 1   |
  | b | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z | 1   |
  | b | 2024-01-01T00:00:35Z | 2024-01-01T00:00:45Z | 32  |
  | b | 2024-01-01T00:00:40Z | 2024-01-01T00:00:50Z | 32  |

rows out:
  | window_end           | k | sum |
  | 2024-01-01T00:00:05Z | b | 2   |
  | 2024-01-01T00:00:10Z | a | 5   |
  | 2024-01-01T00:00:15Z | a | 4   |
  | 2024-01-01T00:00:20Z | b | 1   |
  | 2024-01-01T00:00:45Z | b | 32  |
  | 2024-01-01T00:00:50Z | b | 32  |
