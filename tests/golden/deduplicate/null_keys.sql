-- A key that is null is a key; of several columns all count.

source t: a String, b Int64, n Int64, ts Timestamp
  eventTime: {column: ts}
  deduplicate: {key: [a, b], within: 1m}

stream out:
  SELECT a, b, n FROM t

input t:
  | a | b | n | ts                   |
  |   | 1 | 1 | 2024-01-01T00:00:00Z |
  |   | 1 | 2 | 2024-01-01T00:00:01Z | -- Dropped
  |   |   | 3 | 2024-01-01T00:00:02Z |
  | x |   | 4 | 2024-01-01T00:00:03Z |
  | x | 1 | 5 | 2024-01-01T00:00:04Z |
  |   |   | 6 | 2024-01-01T00:00:05Z | -- Dropped

rows out:
  | a    | b    | n |
  | null | 1    | 1 |
  | null | null | 3 |
  | x    | 1    | 5 |
  | x    | null | 4 |
