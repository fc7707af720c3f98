-- A row that its check refuses is no first one.

source t: id String, n Int64, ts Timestamp
  check: "n >= 0"
  eventTime: {column: ts}
  deduplicate: {key: [id], within: 1m}

stream out:
  SELECT id, n FROM t

input t:
  | id | n  | ts                   |
  | a  | -1 | 2024-01-01T00:00:00Z | -- CheckFailed
  | a  | 1  | 2024-01-01T00:00:01Z |
  | a  | 2  | 2024-01-01T00:00:02Z | -- Dropped

rows out:
  | id | n |
  | a  | 1 |
