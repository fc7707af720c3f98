-- Duplicates of duplicates: the span is counted from the one that stayed.

source t: id String, n Int64, ts Timestamp
  eventTime: {column: ts}
  deduplicate: {key: [id], within: 10s}

stream out:
  SELECT n, ts FROM t

input t:
  | id | n | ts                   |
  | a  | 1 | 2024-01-01T00:00:00Z |
  | a  | 2 | 2024-01-01T00:00:08Z | -- Dropped
  | a  | 3 | 2024-01-01T00:00:16Z |
  | a  | 4 | 2024-01-01T00:00:24Z | -- Dropped
  | a  | 5 | 2024-01-01T00:00:26Z | -- Dropped
  | a  | 6 | 2024-01-01T00:00:27Z |

rows out:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:00Z |
  | 3 | 2024-01-01T00:00:16Z |
  | 6 | 2024-01-01T00:00:27Z |
