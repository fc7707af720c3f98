-- Of windows that start together.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream sums:
  SELECT k, window_start, window_end, sum(n) AS sum FROM CUMULATE(t, ts, INTERVAL '10' SECOND, INTERVAL '30' SECOND) GROUP BY k, window_start, window_end

stream out:
  SELECT window_start, window_end, k, sum FROM (SELECT *, row_number() OVER (PARTITION BY window_start, window_end ORDER BY sum DESC) AS rn FROM sums) WHERE rn = 1

input t:
  | # | k | n  | ts                   |
  | 0 | a | 1  | 2024-01-01T00:00:00Z |
  | 1 | b | 2  | 2024-01-01T00:00:03Z |
  | 0 | a | 4  | 2024-01-01T00:00:17Z |
  | 1 | b | 8  | 2024-01-01T00:00:25Z |
  | 0 | a | 16 | 2024-01-01T00:00:30Z |
  | 1 | c | 32 | 2024-01-01T00:02:41Z |
  | 0 | c | 32 | 2024-01-01T00:02:41Z |

rows sums:
  | k | window_start         | window_end           | sum |
  | a | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 1   |
  | a | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z | 5   |
  | a | 2024-01-01T00:00:00Z | 2024-01-01T00:00:30Z | 5   |
  | a | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z | 16  |
  | a | 2024-01-01T00:00:30Z | 2024-01-01T00:00:50Z | 16  |
  | a | 2024-01-01T00:00:30Z | 2024-01-01T00:01:00Z | 16  |
  | b | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 2   |
  | b | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z | 2   |
  | b | 2024-01-01T00:00:00Z | 2024-01-01T00:00:30Z | 10  |
  | c | 2024-01-01T00:02:30Z | 2024-01-01T00:02:50Z | 64  |
  | c | 2024-01-01T00:02:30Z | 2024-01-01T00:03:00Z | 64  |

rows out:
  | window_start         | window_end           | k | sum |
  | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | b | 2   |
  | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z | a | 5   |
  | 2024-01-01T00:00:00Z | 2024-01-01T00:00:30Z | b | 10  |
  | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z | a | 16  |
  | 2024-01-01T00:00:30Z | 2024-01-01T00:00:50Z | a | 16  |
  | 2024-01-01T00:00:30Z | 2024-01-01T00:01:00Z | a | 16  |
  | 2024-01-01T00:02:30Z | 2024-01-01T00:02:50Z | c | 64  |
  | 2024-01-01T00:02:30Z | 2024-01-01T00:03:00Z | c | 64  |
