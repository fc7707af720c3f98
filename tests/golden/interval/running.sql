-- Functions over the rows that are joined, in the order of the later time.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, n, m, sum(m) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '5' MINUTE PRECEDING AND CURRENT ROW) AS sum FROM (
    SELECT a.k, a.n, b.m, a.ts FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts
  )

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
  | k | n   | m  | sum |
  | x | 128 | 64 | 128 |
  | x | 4   | 1  | 1   |
  | x | 64  | 64 | 64  |
  | y | 2   | 2  | 2   |
