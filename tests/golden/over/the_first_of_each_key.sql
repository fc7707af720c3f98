-- Flink's deduplication: the first row of each key by time.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 10s}

stream out:
  SELECT k, n, ts FROM (SELECT k, n, ts, row_number() OVER (PARTITION BY k ORDER BY ts) AS rn FROM t) WHERE rn = 1

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:05Z |
  | 1 | a | 2 | 2024-01-01T00:00:03Z |
  | 0 | b | 3 | 2024-01-01T00:00:06Z |
  | 1 | b | 4 | 2024-01-01T00:00:08Z |
  | 0 | a | 5 | 2024-03-01T00:00:00Z |

rows out:
  | k | n | ts                   |
  | a | 2 | 2024-01-01T00:00:03Z |
  | b | 3 | 2024-01-01T00:00:06Z |
