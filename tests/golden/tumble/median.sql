-- The median of an even number of values lies between the two in the middle.

source t: k String, x Float64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, median(x) AS middle, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

input t:
  | k | x    | ts                   |
  | a | 9    | 2024-01-01T00:00:00Z |
  | a | 1    | 2024-01-01T00:01:00Z |
  | a | 5    | 2024-01-01T00:02:00Z |
  | b | 1    | 2024-01-01T00:03:00Z |
  | b | 2    | 2024-01-01T00:04:00Z |
  | b | null | 2024-01-01T00:05:00Z |
  | c | null | 2024-01-01T00:06:00Z |

rows out:
  | k | middle | window_start         |
  | a | 5.0    | 2024-01-01T00:00:00Z |
  | b | 1.5    | 2024-01-01T00:00:00Z |
  | c | null   | 2024-01-01T00:00:00Z |
