-- Sessions that end at the same time are ranked among each other.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream sums:
  SELECT k, window_start, window_end, sum(n) AS sum FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream out:
  SELECT window_end, k, sum, rn FROM (SELECT *, row_number() OVER (PARTITION BY window_end ORDER BY sum) AS rn FROM sums)

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:00Z |
  | 0 | b | 9 | 2024-01-01T00:00:05Z |
  | 0 | a | 2 | 2024-01-01T00:00:08Z |
  | 0 | b | 3 | 2024-01-01T00:00:08Z |
  | 0 | c | 5 | 2024-01-01T00:01:00Z |
  | 0 | a | 4 | 2024-01-01T00:02:00Z |

rows sums:
  | k | window_start         | window_end           | sum |
  | a | 2024-01-01T00:00:00Z | 2024-01-01T00:00:18Z | 3   |
  | a | 2024-01-01T00:02:00Z | 2024-01-01T00:02:10Z | 4   |
  | b | 2024-01-01T00:00:05Z | 2024-01-01T00:00:18Z | 12  |
  | c | 2024-01-01T00:01:00Z | 2024-01-01T00:01:10Z | 5   |

rows out:
  | window_end           | k | sum | rn |
  | 2024-01-01T00:00:18Z | a | 3   | 1  |
  | 2024-01-01T00:00:18Z | b | 12  | 2  |
  | 2024-01-01T00:01:10Z | c | 5   | 1  |
  | 2024-01-01T00:02:10Z | a | 4   | 1  |
