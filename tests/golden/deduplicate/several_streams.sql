-- All that reads the source reads it without duplicates, also through each other.

source t: id Int64, k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  deduplicate: {key: [id], within: 10m}

stream big:
  SELECT id, k, n, ts FROM t WHERE n > 1

stream sums:
  SELECT k, sum(n) AS sum FROM t GROUP BY k

stream out:
  SELECT k, count(*) AS rows, window_end FROM TUMBLE(big, ts, INTERVAL '10' SECOND) GROUP BY k, window_end

input t:
  | # | id | k | n  | ts                   |
  | 0 | 1  | a | 1  | 2024-01-01T00:00:00Z |
  | 1 | 2  | a | 2  | 2024-01-01T00:00:01Z |
  | 0 | 1  | a | 1  | 2024-01-01T00:00:02Z | -- Dropped
  | 1 | 3  | b | 4  | 2024-01-01T00:00:03Z |
  | 0 | 2  | a | 2  | 2024-01-01T00:00:04Z | -- Dropped
  | 1 | 4  | a | 8  | 2024-01-01T00:00:12Z |
  | 0 | 4  | a | 8  | 2024-01-01T00:00:12Z | -- Dropped

rows big:
  | id | k | n | ts                   |
  | 2  | a | 2 | 2024-01-01T00:00:01Z |
  | 3  | b | 4 | 2024-01-01T00:00:03Z |
  | 4  | a | 8 | 2024-01-01T00:00:12Z |

rows sums:
  | k | sum |
  | a | 11  |
  | b | 4   |

rows out:
  | k | rows | window_end           |
  | a | 1    | 2024-01-01T00:00:10Z |
  | a | 1    | 2024-01-01T00:00:20Z |
  | b | 1    | 2024-01-01T00:00:10Z |
