-- Of records of one time, that of the first partition and offset stays.

source t: id String, n Int64, ts Timestamp
  eventTime: {column: ts}
  deduplicate: {key: [id], within: 1ms}

stream out:
  SELECT id, n FROM t

input t:
  | # | id | n | ts                   |
  | 0 | a  | 1 | 2024-01-01T00:00:00Z |
  | 1 | a  | 2 | 2024-01-01T00:00:00Z | -- Dropped
  | 0 | a  | 3 | 2024-01-01T00:00:00Z | -- Dropped
  | 1 | b  | 4 | 2024-01-01T00:00:00Z |

rows out:
  | id | n |
  | a  | 1 |
  | b  | 4 |
