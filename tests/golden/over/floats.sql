-- What has left a frame leaves nothing behind, however large it was.

source t: k String, x Float64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, x, sum(x) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS two, avg(x) OVER (PARTITION BY k ORDER BY ts ROWS 2 PRECEDING) AS mean,
    min(x) OVER (PARTITION BY k ORDER BY ts ROWS 2 PRECEDING) AS low
  FROM t

input t:
  | k | x       | ts                   |
  | a | 0.5     | 2024-01-01T00:00:00Z |
  | a | 1e16    | 2024-01-01T00:00:01Z |
  | a | 0.25    | 2024-01-01T00:00:02Z |
  | a | 0.125   | 2024-01-01T00:00:03Z |
  | a |         | 2024-01-01T00:00:04Z |
  | a | -2      | 2024-01-01T00:00:05Z |

rows out:
  | k | x     | two   | mean               | low   |
  | a | -2.0  | -2.0  | -0.9375            | -2.0  |
  | a | 0.125 | 0.375 | 3333333333333333.5 | 0.125 |
  | a | 0.25  | 1e+16 | 3333333333333333.5 | 0.25  |
  | a | 0.5   | 0.5   | 0.5                | 0.5   |
  | a | 1e+16 | 1e+16 | 5000000000000000.0 | 0.5   |
  | a | null  | 0.125 | 0.1875             | 0.125 |
