-- Rows of one time are in each other's RANGE, whichever came first.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, n, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW) AS ten,
    count(*) OVER (PARTITION BY k ORDER BY ts RANGE CURRENT ROW) AS together
  FROM t

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:00Z |
  | a | 2  | 2024-01-01T00:00:10Z |
  | a | 4  | 2024-01-01T00:00:10Z |
  | b | 9  | 2024-01-01T00:00:10Z |
  | a | 8  | 2024-01-01T00:00:10Z |
  | a | 16 | 2024-01-01T00:00:11Z |

rows out:
  | k | n  | ten | together |
  | a | 1  | 1   | 1        |
  | a | 16 | 30  | 1        |
  | a | 2  | 15  | 3        |
  | a | 4  | 15  | 3        |
  | a | 8  | 15  | 3        |
  | b | 9  | 9   | 1        |
