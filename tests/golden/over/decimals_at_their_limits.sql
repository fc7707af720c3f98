-- Sums and means of decimals have room for what they are made of.

source t: k String, n Decimal(18,2), ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, n, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS two, max(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS high
  FROM t

input t:
  | k | n                     | ts                   |
  | a | 9999999999999999.99   | 2024-01-01T00:00:00Z |
  | a | 9999999999999999.99   | 2024-01-01T00:00:01Z |
  | a | -9999999999999999.99  | 2024-01-01T00:00:02Z |
  | a | 0.01                  | 2024-01-01T00:00:03Z |
  | a | -9999999999999999.99  | 2024-01-01T00:00:04Z |

rows out:
  | k | n                    | two                  | high                |
  | a | -9999999999999999.99 | -9999999999999999.98 | 0.01                |
  | a | -9999999999999999.99 | 0.00                 | 9999999999999999.99 |
  | a | 0.01                 | -9999999999999999.98 | 0.01                |
  | a | 9999999999999999.99  | 19999999999999999.98 | 9999999999999999.99 |
  | a | 9999999999999999.99  | 9999999999999999.99  | 9999999999999999.99 |
