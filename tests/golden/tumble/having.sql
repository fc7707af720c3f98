-- HAVING keeps groups by their aggregates, also by ones that are not selected; null is not true.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND)
  GROUP BY k, window_start, window_end HAVING sum(n) > 5 AND count(*) < 3

input t:
  | k | n    | ts                   |
  | a | 3    | 2024-01-01T00:00:00Z |
  | b | 6    | 2024-01-01T00:00:01Z |
  | a | 3    | 2024-01-01T00:00:02Z |
  | c | null | 2024-01-01T00:00:03Z |
  | d | 2    | 2024-01-01T00:00:03Z |
  | d | 2    | 2024-01-01T00:00:04Z |
  | d | 2    | 2024-01-01T00:00:05Z |
  | d | 9    | 2024-01-01T00:00:15Z |

rows out:
  | k | sum | window_start         |
  | a | 6   | 2024-01-01T00:00:00Z |
  | b | 6   | 2024-01-01T00:00:00Z |
  | d | 9   | 2024-01-01T00:00:10Z |
