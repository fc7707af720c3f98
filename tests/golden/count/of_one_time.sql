-- Rows of one time are counted in the order of their partition, and in that of their offset.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(n) AS sum, window_start, window_end FROM COUNT_WINDOW(t, 3) GROUP BY k, window_start, window_end

batch out:
  SELECT k, CAST(sum(n) AS BIGINT) AS sum, min(ts) AS window_start, max(ts) + INTERVAL '1' MICROSECOND AS window_end
  FROM (SELECT *, (row_number() OVER (PARTITION BY k ORDER BY ts, n) - 1) // 3 AS block FROM t)
  GROUP BY k, block HAVING count(*) = 3

input t:
  | # | k | n   | ts                   |
  | 0 | a | 1   | 2024-01-01T00:00:00Z |
  | 0 | a | 2   | 2024-01-01T00:00:00Z |
  | 1 | a | 16  | 2024-01-01T00:00:00Z |
  | 1 | b | 3   | 2024-01-01T00:00:00Z |
  | 0 | a | 4   | 2024-01-01T00:00:00Z |
  | 1 | a | 32  | 2024-01-01T00:00:00Z |
  | 0 | b | 1   | 2024-01-01T00:00:00Z |
  | 0 | a | 64  | 2024-01-01T00:00:01Z |
  | 1 | b | 4   | 2024-01-01T00:00:00Z |

rows out:
  | k | sum | window_start         | window_end                  |
  | a | 112 | 2024-01-01T00:00:00Z | 2024-01-01T00:00:01.000001Z |
  | a | 7   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00.000001Z |
  | b | 8   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:00.000001Z |
