-- A key that comes late into the cycle has rows from then on.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, sum(n) AS sum, avg(n) AS mean, window_end FROM CUMULATE(t, ts, INTERVAL '1' MINUTE, INTERVAL '3' MINUTE) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:10Z |
  | b | 2 | 2024-01-01T00:01:10Z |
  | a | 4 | 2024-01-01T00:02:10Z |
  |   | 8 | 2024-01-01T00:02:20Z |
  | a | 3 | 2024-01-01T00:03:00Z |

rows out:
  | k    | sum | mean | window_end           |
  | a    | 1   | 1.0  | 2024-01-01T00:01:00Z |
  | a    | 1   | 1.0  | 2024-01-01T00:02:00Z |
  | a    | 3   | 3.0  | 2024-01-01T00:04:00Z |
  | a    | 3   | 3.0  | 2024-01-01T00:05:00Z |
  | a    | 3   | 3.0  | 2024-01-01T00:06:00Z |
  | a    | 5   | 2.5  | 2024-01-01T00:03:00Z |
  | b    | 2   | 2.0  | 2024-01-01T00:02:00Z |
  | b    | 2   | 2.0  | 2024-01-01T00:03:00Z |
  | null | 8   | 8.0  | 2024-01-01T00:03:00Z |
