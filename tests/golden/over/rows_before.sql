-- A frame of so many rows, of any age; rows out of order are put in order first.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}
  partitionedBy: [k]

stream out:
  SELECT k, ts, n, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS three,
    max(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS two
  FROM t

input t:
  | k | n   | ts                   |
  | a | 1   | 2024-01-01T00:00:10Z |
  | a | 10  | 2024-01-01T00:00:05Z |
  | b | 7   | 2024-01-01T00:00:01Z |
  | a | 100 | 2024-01-01T00:00:20Z |
  | a | -5  | 2024-01-01T00:00:15Z |
  | a | 2   | 2024-01-03T00:00:00Z |
  | b | 8   | 2024-01-05T00:00:00Z |
  | a | 3   | 2024-01-09T00:00:00Z |

rows out:
  | k | ts                   | n   | three | two |
  | a | 2024-01-01T00:00:05Z | 10  | 10    | 10  |
  | a | 2024-01-01T00:00:10Z | 1   | 11    | 10  |
  | a | 2024-01-01T00:00:15Z | -5  | 6     | 1   |
  | a | 2024-01-01T00:00:20Z | 100 | 96    | 100 |
  | a | 2024-01-03T00:00:00Z | 2   | 97    | 100 |
  | a | 2024-01-09T00:00:00Z | 3   | 105   | 3   |
  | b | 2024-01-01T00:00:01Z | 7   | 7     | 7   |
  | b | 2024-01-05T00:00:00Z | 8   | 15    | 8   |
