-- sum(DISTINCT …) adds each value once.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(DISTINCT n) AS different, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end

input t:
  | k | n    | ts                   |
  | a | 3    | 2024-01-01T00:00:00Z |
  | a | 3    | 2024-01-01T00:00:10Z |
  | a | 4    | 2024-01-01T00:00:20Z |
  | b | null | 2024-01-01T00:00:30Z |

rows out:
  | k | different | sum  | window_start         |
  | a | 7         | 10   | 2024-01-01T00:00:00Z |
  | b | null      | null | 2024-01-01T00:00:00Z |
