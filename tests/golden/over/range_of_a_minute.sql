-- Each row with the sum of the minute up to it, the row of one minute before included.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  partitionedBy: [k]

stream out:
  SELECT k, ts, n, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS minute,
    count(*) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS rows
  FROM t

input t:
  | k | n  | ts                       |
  | a | 1  | 2024-01-01T00:00:00Z     |
  | a | 2  | 2024-01-01T00:00:30Z     |
  | a | 4  | 2024-01-01T00:00:26Z     |
  | b | 5  | 2024-01-01T00:00:50Z     |
  | a | 8  | 2024-01-01T00:01:00Z     |
  | a | 16 | 2024-01-01T00:01:00.001Z |
  | a | 32 | 2024-01-01T00:05:00Z     |
  | b | 64 | 2024-01-01T00:01:50Z     | -- Late in out

rows out:
  | k | ts                          | n  | minute | rows |
  | a | 2024-01-01T00:00:00Z        | 1  | 1      | 1    |
  | a | 2024-01-01T00:00:26Z        | 4  | 5      | 2    |
  | a | 2024-01-01T00:00:30Z        | 2  | 7      | 3    |
  | a | 2024-01-01T00:01:00.001000Z | 16 | 30     | 4    |
  | a | 2024-01-01T00:01:00Z        | 8  | 15     | 4    |
  | a | 2024-01-01T00:05:00Z        | 32 | 32     | 1    |
  | b | 2024-01-01T00:00:50Z        | 5  | 5      | 1    |
