-- A late row belongs to none, and does not go on alone.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '10' SECOND AND a.ts

input a:
  | # | k | n  | ts                   |
  | 0 | x | 1  | 2024-01-01T00:00:20Z |
  | 0 | x | 2  | 2024-01-01T00:00:19Z | -- Late in out
  | 1 | x | 4  | 2024-01-01T00:00:19Z |
  | 0 | x | 8  | 2024-01-01T00:00:31Z |
  | 0 | y | 16 | 2024-01-01T00:00:40Z |

input b:
  | # | k | m  | ts                   |
  | 0 | x | 1  | 2024-01-01T00:00:10Z |
  | 0 | y | 2  | 2024-01-01T00:00:30Z |
  | 0 | y | 4  | 2024-01-01T00:00:29Z | -- Late in out
  | 1 | y | 8  | 2024-01-01T00:00:29Z |

rows out:
  | k | n  | m    |
  | x | 1  | 1    |
  | x | 4  | 1    |
  | x | 8  | null |
  | y | 16 | 2    |
