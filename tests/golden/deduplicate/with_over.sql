-- Functions over rows without duplicates, by another key.

source t: id String, k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  deduplicate: {key: [id], within: 1m}

stream out:
  SELECT id, k, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '10' SECOND PRECEDING) AS sum FROM t

input t:
  | # | id | k | n | ts                   |
  | 0 | 1  | a | 1 | 2024-01-01T00:00:00Z |
  | 1 | 2  | a | 2 | 2024-01-01T00:00:01Z |
  | 0 | 1  | a | 1 | 2024-01-01T00:00:02Z | -- Dropped
  | 1 | 3  | b | 4 | 2024-01-01T00:00:03Z |
  | 0 | 2  | a | 2 | 2024-01-01T00:00:04Z | -- Dropped
  | 1 | 4  | a | 8 | 2024-01-01T00:00:10Z |

rows out:
  | id | k | sum |
  | 1  | a | 1   |
  | 2  | a | 3   |
  | 3  | b | 4   |
  | 4  | a | 11  |
