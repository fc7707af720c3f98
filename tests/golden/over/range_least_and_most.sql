-- The least and the most of a span as values leave it: falling, rising, the same, and null. A span of nulls alone has neither.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}
  partitionedBy: [k]

stream out:
  SELECT k, ts, n, min(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '10' SECOND PRECEDING) AS least,
    max(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '10' SECOND PRECEDING) AS most,
    count(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '10' SECOND PRECEDING) AS values
  FROM t

input t:
  | k | n  | ts                   |
  | a | 9  | 2024-01-01T00:00:00Z |
  | a | 7  | 2024-01-01T00:00:04Z |
  | a | 8  | 2024-01-01T00:00:03Z |
  | a | 7  | 2024-01-01T00:00:10Z |
  | a |    | 2024-01-01T00:00:11Z |
  | a | -1 | 2024-01-01T00:00:13Z |
  | a | 3  | 2024-01-01T00:00:20Z |
  | a | 4  | 2024-01-01T00:00:23Z |
  | a |    | 2024-01-01T00:00:40Z |
  | b |    | 2024-01-01T00:00:41Z |
  | b | 1  | 2024-01-01T00:00:38Z | -- Late in out

rows out:
  | k | ts                   | n    | least | most | values |
  | a | 2024-01-01T00:00:00Z | 9    | 9     | 9    | 1      |
  | a | 2024-01-01T00:00:03Z | 8    | 8     | 9    | 2      |
  | a | 2024-01-01T00:00:04Z | 7    | 7     | 9    | 3      |
  | a | 2024-01-01T00:00:10Z | 7    | 7     | 9    | 4      |
  | a | 2024-01-01T00:00:11Z | null | 7     | 8    | 3      |
  | a | 2024-01-01T00:00:13Z | -1   | -1    | 8    | 4      |
  | a | 2024-01-01T00:00:20Z | 3    | -1    | 7    | 3      |
  | a | 2024-01-01T00:00:23Z | 4    | -1    | 4    | 3      |
  | a | 2024-01-01T00:00:40Z | null | null  | null | 0      |
  | b | 2024-01-01T00:00:41Z | null | null  | null | 0      |
