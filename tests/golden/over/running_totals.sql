-- Without a frame it is everything up to the row, rows of the same time included.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, n, ts, sum(n) OVER (PARTITION BY k ORDER BY ts) AS total,
    count(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS counted,
    min(n) OVER (PARTITION BY k ORDER BY ts RANGE UNBOUNDED PRECEDING) AS low,
    max(n) OVER (PARTITION BY k ORDER BY ts RANGE UNBOUNDED PRECEDING) AS high
  FROM t

input t:
  | k | n  | ts                   |
  | a | 5  | 2024-01-01T00:00:00Z |
  | a |    | 2024-01-01T00:00:01Z |
  | b |    | 2024-01-01T00:00:01Z |
  | a | 7  | 2024-01-01T00:00:02Z |
  | a | -2 | 2024-01-01T01:00:00Z |
  | b | 3  | 2024-02-01T00:00:00Z |
  | a | 1  | 2024-03-01T00:00:00Z |

rows out:
  | k | n    | ts                   | total | counted | low  | high |
  | a | -2   | 2024-01-01T01:00:00Z | 10    | 3       | -2   | 7    |
  | a | 1    | 2024-03-01T00:00:00Z | 11    | 4       | -2   | 7    |
  | a | 5    | 2024-01-01T00:00:00Z | 5     | 1       | 5    | 5    |
  | a | 7    | 2024-01-01T00:00:02Z | 12    | 2       | 5    | 7    |
  | a | null | 2024-01-01T00:00:01Z | 5     | 1       | 5    | 5    |
  | b | 3    | 2024-02-01T00:00:00Z | 3     | 1       | 3    | 3    |
  | b | null | 2024-01-01T00:00:01Z | null  | 0       | null | null |
