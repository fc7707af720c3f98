-- Rows of a key come together from several partitions, in the order of their time.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 10s}

stream out:
  SELECT k, n, ts, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '30' SECOND PRECEDING AND CURRENT ROW) AS sum,
    row_number() OVER (PARTITION BY k ORDER BY ts) AS number
  FROM t

input t:
  | # | k | n   | ts                   |
  | 0 | a | 1   | 2024-01-01T00:00:00Z |
  | 1 | a | 2   | 2024-01-01T00:00:07Z |
  | 0 | b | 4   | 2024-01-01T00:00:08Z |
  | 2 | a | 8   | 2024-01-01T00:00:01Z |
  | 1 | a | 16  | 2024-01-01T00:00:36Z |
  | 2 | b | 32  | 2024-01-01T00:00:39Z |
  | 0 | a | 64  | 2024-01-01T00:01:00Z |
  | 0 | a | 128 | 2024-01-01T00:00:49Z | -- Late in out
  | 2 | a | 256 | 2024-01-01T00:00:29Z |

rows out:
  | k | n   | ts                   | sum | number |
  | a | 1   | 2024-01-01T00:00:00Z | 1   | 1      |
  | a | 16  | 2024-01-01T00:00:36Z | 274 | 5      |
  | a | 2   | 2024-01-01T00:00:07Z | 11  | 3      |
  | a | 256 | 2024-01-01T00:00:29Z | 267 | 4      |
  | a | 64  | 2024-01-01T00:01:00Z | 80  | 6      |
  | a | 8   | 2024-01-01T00:00:01Z | 9   | 2      |
  | b | 32  | 2024-01-01T00:00:39Z | 32  | 2      |
  | b | 4   | 2024-01-01T00:00:08Z | 4   | 1      |
