-- The same of both.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.k AS other, b.m FROM a FULL JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE

stream keys:
  SELECT coalesce(a.k, b.k) AS k, n, m FROM a FULL OUTER JOIN b ON a.k = b.k AND b.ts = a.ts

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
  | k    | n    | other | m    |
  | null | 8    | null  | null |
  | null | null | null  | 4    |
  | null | null | z     | 128  |
  | x    | 1    | x     | 1    |
  | x    | 128  | null  | null |
  | x    | 4    | x     | 8    |
  | x    | 64   | x     | 64   |
  | y    | 2    | y     | 2    |
  | y    | 32   | y     | 32   |
  | z    | 16   | z     | 16   |

rows keys:
  | k    | n    | m    |
  | null | 8    | null |
  | null | null | 4    |
  | x    | 1    | null |
  | x    | 128  | null |
  | x    | 4    | null |
  | x    | 64   | 64   |
  | x    | null | 1    |
  | x    | null | 8    |
  | y    | 2    | 2    |
  | y    | 32   | null |
  | y    | null | 32   |
  | z    | 16   | null |
  | z    | null | 128  |
  | z    | null | 16   |
