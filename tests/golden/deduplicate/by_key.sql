-- A record that comes again within the span is dropped; after it, it counts.

source t: id String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  deduplicate: {key: [id], within: 10s}

stream out:
  SELECT id, n, ts FROM t

input t:
  | # | id | n | ts                       |
  | 0 | a  | 1 | 2024-01-01T00:00:00Z     |
  | 1 | a  | 2 | 2024-01-01T00:00:10Z     | -- Dropped
  | 0 | b  | 3 | 2024-01-01T00:00:03Z     |
  | 1 | a  | 4 | 2024-01-01T00:00:10.001Z |
  | 0 | a  | 5 | 2024-01-01T00:00:10.002Z | -- Dropped
  | 0 | b  | 6 | 2024-01-01T00:01:00Z     |

rows out:
  | id | n | ts                          |
  | a  | 1 | 2024-01-01T00:00:00Z        |
  | a  | 4 | 2024-01-01T00:00:10.001000Z |
  | b  | 3 | 2024-01-01T00:00:03Z        |
  | b  | 6 | 2024-01-01T00:01:00Z        |
