-- Of duplicates that come out of order, the first by time stays.

source t: id String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}
  deduplicate: {key: [id], within: 10s}

stream out:
  SELECT id, n, ts FROM t

input t:
  | id | n | ts                   |
  | a  | 1 | 2024-01-01T00:00:12Z |
  | a  | 2 | 2024-01-01T00:00:20Z | -- Dropped
  | a  | 3 | 2024-01-01T00:00:05Z | -- Dropped
  | a  | 4 | 2024-01-01T00:00:00Z |
  | a  | 5 | 2024-01-01T00:00:30Z |

rows out:
  | id | n | ts                   |
  | a  | 1 | 2024-01-01T00:00:12Z |
  | a  | 4 | 2024-01-01T00:00:00Z |
  | a  | 5 | 2024-01-01T00:00:30Z |
