-- Only the whole window counts: what is too much on the way to it is no fault.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, window_start FROM COUNT_WINDOW(t, 3) GROUP BY k, window_start

batch out:
  SELECT k, CAST(sum(n) AS BIGINT) AS sum, min(ts) AS window_start
  FROM (SELECT *, (row_number() OVER (PARTITION BY k ORDER BY ts) - 1) // 3 AS block FROM t)
  GROUP BY k, block HAVING count(*) = 3

input t:
  | k | n                    | ts                   |
  | a | 9223372036854775807  | 2024-01-01T00:00:00Z |
  | a | 1                    | 2024-01-01T00:00:01Z |
  | a | -2                   | 2024-01-01T00:00:02Z |
  | b | -9223372036854775808 | 2024-01-01T00:00:03Z |
  | b | -1                   | 2024-01-01T00:00:04Z |
  | b | 9223372036854775807  | 2024-01-01T00:00:05Z |

rows out:
  | k | sum                 | window_start         |
  | a | 9223372036854775806 | 2024-01-01T00:00:00Z |
  | b | -2                  | 2024-01-01T00:00:03Z |
