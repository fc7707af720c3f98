-- A stream reads another one.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream large:
  SELECT k, n * 10 AS tens, ts FROM t WHERE n > 1

stream totals:
  SELECT k, sum(tens) AS sum, window_start FROM TUMBLE(large, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 2 | 2024-01-01T00:00:01Z |
  | b | 3 | 2024-01-01T00:00:02Z |
  | a | 4 | 2024-01-01T00:00:12Z |
  | a | 5 | 2024-01-01T00:00:13Z |

rows large:
  | k | tens | ts                   |
  | a | 20   | 2024-01-01T00:00:01Z |
  | a | 40   | 2024-01-01T00:00:12Z |
  | a | 50   | 2024-01-01T00:00:13Z |
  | b | 30   | 2024-01-01T00:00:02Z |

rows totals:
  | k | sum | window_start         |
  | a | 20  | 2024-01-01T00:00:00Z |
  | a | 90  | 2024-01-01T00:00:10Z |
  | b | 30  | 2024-01-01T00:00:00Z |
