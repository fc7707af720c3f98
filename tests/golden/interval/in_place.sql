-- Rows of a stream that is partitioned by the key meet where they are; a late one is late for both sides.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT a.k, a.n, o.n AS earlier, a.ts FROM a JOIN a o ON a.k = o.k AND o.ts >= a.ts - INTERVAL '9' MINUTE AND o.ts < a.ts

input a:
  | # | k    | n  | ts                   |
  | 0 | x    | 1  | 2024-01-01T00:00:00Z |
  | 1 | y    | 2  | 2024-01-01T00:00:01Z |
  | 0 | null | 4  | 2024-01-01T00:04:00Z |
  | 0 | null | 8  | 2024-01-01T00:05:00Z |
  | 0 | x    | 16 | 2024-01-01T00:05:00Z |
  | 1 | y    | 32 | 2024-01-01T00:00:00Z | -- Late in out; Late in out
  | 0 | x    | 64 | 2024-01-01T00:09:00Z |
  | 1 | y    | 128| 2024-01-01T00:09:00Z |

rows out:
  | k | n   | earlier | ts                   |
  | x | 16  | 1       | 2024-01-01T00:05:00Z |
  | x | 64  | 1       | 2024-01-01T00:09:00Z |
  | x | 64  | 16      | 2024-01-01T00:09:00Z |
  | y | 128 | 2       | 2024-01-01T00:09:00Z |
