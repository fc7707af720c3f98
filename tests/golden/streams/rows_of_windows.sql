-- The rows of closed windows, filtered and computed with by another stream.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream sums:
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream remarkable:
  SELECT k || '@' || CAST(extract(second FROM window_start) AS BIGINT) AS name, sum / rows AS mean FROM sums WHERE sum > 3

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | b | 4 | 2024-01-01T00:00:05Z |
  | a | 2 | 2024-01-01T00:00:09Z |
  | b | 7 | 2024-01-01T00:00:06Z |
  | a | 9 | 2024-01-01T00:00:20Z |

rows sums:
  | k | sum | rows | window_start         | window_end           |
  | a | 3   | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | a | 9   | 1    | 2024-01-01T00:00:20Z | 2024-01-01T00:00:30Z |
  | b | 11  | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |

rows remarkable:
  | name | mean |
  | a@20 | 9    |
  | b@0  | 5    |
