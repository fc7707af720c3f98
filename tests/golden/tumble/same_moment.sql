-- Many records of the same moment, in several partitions, with the same and with different values.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, count(*) AS rows, sum(n) AS sum, count(DISTINCT n) AS different, min(ts) AS first, max(ts) AS last, window_start
  FROM TUMBLE(t, ts, INTERVAL '1 microsecond') GROUP BY k, window_start, window_end

input t:
  | # | k | n | ts                          |
  | 0 | a | 1 | 2024-01-01T00:00:00.000001Z |
  | 1 | a | 1 | 2024-01-01T00:00:00.000001Z |
  | 0 | a | 2 | 2024-01-01T00:00:00.000001Z |
  | 1 | b | 1 | 2024-01-01T00:00:00.000001Z |
  | 0 | a | 1 | 2024-01-01T00:00:00.000002Z |
  | 1 | a | 1 | 2024-01-01T00:00:00.000002Z |

rows out:
  | k | rows | sum | different | first                       | last                        | window_start                |
  | a | 2    | 2   | 1         | 2024-01-01T00:00:00.000002Z | 2024-01-01T00:00:00.000002Z | 2024-01-01T00:00:00.000002Z |
  | a | 3    | 4   | 2         | 2024-01-01T00:00:00.000001Z | 2024-01-01T00:00:00.000001Z | 2024-01-01T00:00:00.000001Z |
  | b | 1    | 1   | 1         | 2024-01-01T00:00:00.000001Z | 2024-01-01T00:00:00.000001Z | 2024-01-01T00:00:00.000001Z |
