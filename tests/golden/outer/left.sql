-- A row that belongs to none goes on with nulls when none can come; one with a null key at once.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m, a.ts FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '30' SECOND

input a:
  | # | k    | n   | ts                   |
  | 0 | x    | 1   | 2024-02-29T00:00:00Z |
  | 1 | y    | 2   | 2024-02-29T00:00:10Z |
  | 0 | x    | 4   | 2024-02-29T00:01:00Z |
  | 1 | null | 8   | 2024-02-29T00:01:10Z |
  | 0 | z    | 16  | 2024-02-29T00:02:00Z |
  | 1 | y    | 32  | 2024-02-29T00:03:00Z |
  | 0 | x    | 64  | 2024-02-29T00:10:00Z |
  | 1 | x    | 128 | 2024-02-29T00:10:30Z |

input b:
  | # | k    | m   | ts                     |
  | 0 | x    | 1   | 2024-02-29T00:00:30Z   |
  | 1 | y    | 2   | 2024-02-29T00:00:10Z   |
  | 0 | null | 4   | 2024-02-29T00:01:00Z   |
  | 1 | x    | 8   | 2024-02-29T00:01:30Z   |
  | 0 | z    | 16  | 2024-02-29T00:02:00.5Z |
  | 1 | y    | 32  | 2024-02-29T00:04:00Z   |
  | 0 | x    | 64  | 2024-02-29T00:10:00Z   |
  | 1 | z    | 128 | 2024-02-29T00:20:00Z   |

rows out:
  | k    | n   | m    | ts                   |
  | null | 8   | null | 2024-02-29T00:01:10Z |
  | x    | 1   | 1    | 2024-02-29T00:00:00Z |
  | x    | 128 | 64   | 2024-02-29T00:10:30Z |
  | x    | 4   | 1    | 2024-02-29T00:01:00Z |
  | x    | 4   | 8    | 2024-02-29T00:01:00Z |
  | x    | 64  | 64   | 2024-02-29T00:10:00Z |
  | y    | 2   | 2    | 2024-02-29T00:00:10Z |
  | y    | 32  | null | 2024-02-29T00:03:00Z |
  | z    | 16  | 16   | 2024-02-29T00:02:00Z |
