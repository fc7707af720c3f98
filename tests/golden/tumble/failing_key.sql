-- A row of which a key or an argument cannot be computed is a dead letter, and counts in no group.

source t: k String, n Int64, m Int64, ts Timestamp
  eventTime: {column: ts}

stream by_quotient:
  SELECT n / m AS quotient, count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY n / m, window_start, window_end

stream of_quotients:
  SELECT k, sum(n / m) AS sum, count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | m | ts                   |
  | a | 6 | 3 | 2024-01-01T00:00:00Z |
  | a | 6 | 0 | 2024-01-01T00:00:01Z | -- ExpressionFailed in by_quotient; ExpressionFailed in of_quotients
  | a | 4 | 2 | 2024-01-01T00:00:02Z |
  | b | 9 | 3 | 2024-01-01T00:00:12Z |

rows by_quotient:
  | quotient | rows | window_start         |
  | 2        | 2    | 2024-01-01T00:00:00Z |
  | 3        | 1    | 2024-01-01T00:00:10Z |

rows of_quotients:
  | k | sum | rows | window_start         |
  | a | 4   | 2    | 2024-01-01T00:00:00Z |
  | b | 3   | 1    | 2024-01-01T00:00:10Z |
