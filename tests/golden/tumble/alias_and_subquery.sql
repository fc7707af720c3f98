-- A window over a table under another name, and over a query in WITH.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream aliased:
  SELECT w.k, sum(w.n) AS sum, w.window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) AS w GROUP BY w.k, w.window_start, w.window_end

stream with_cte:
  WITH large AS (SELECT k, n * 2 AS twice, ts FROM t WHERE n > 1)
  SELECT k, sum(twice) AS sum, window_start FROM TUMBLE(large, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 2 | 2024-01-01T00:00:01Z |
  | b | 3 | 2024-01-01T00:00:02Z |
  | a | 4 | 2024-01-01T00:00:11Z |

rows aliased:
  | k | sum | window_start         |
  | a | 3   | 2024-01-01T00:00:00Z |
  | a | 4   | 2024-01-01T00:00:10Z |
  | b | 3   | 2024-01-01T00:00:00Z |

rows with_cte:
  | k | sum | window_start         |
  | a | 4   | 2024-01-01T00:00:00Z |
  | a | 8   | 2024-01-01T00:00:10Z |
  | b | 6   | 2024-01-01T00:00:00Z |
