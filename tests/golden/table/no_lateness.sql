-- A table knows no lateness: records of any time are taken.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(n) AS sum, max(ts) AS last FROM t GROUP BY k

input t:
  | k | n | ts                   |
  | a | 1 | 2024-02-29T00:00:00Z |
  | a | 2 | 1970-01-01T00:00:00Z |
  | b | 4 | 1960-01-01T00:00:00Z |

rows out:
  | k | sum | last                 |
  | a | 3   | 2024-02-29T00:00:00Z |
  | b | 4   | 1960-01-01T00:00:00Z |
