-- What else must be true may be of one side, of both, or of neither.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m FROM a JOIN b ON a.k = b.k AND a.n < 100 AND b.m > 1 AND a.n + b.m <> 24 AND b.ts BETWEEN a.ts - INTERVAL '10' MINUTE AND a.ts + INTERVAL '10' MINUTE

stream without_null:
  SELECT k, n + m AS sum FROM (
    SELECT a.k, a.n, b.m, a.n / nullif(b.m - 8, 0) AS q FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '10' MINUTE AND a.ts + INTERVAL '10' MINUTE
  ) WHERE q IS NOT NULL

stream texts:
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND (a.k LIKE 'x%' OR b.m = 2) AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '1' MINUTE WHERE b.m < 60

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
  | k | n  | m  |
  | x | 1  | 64 |
  | x | 1  | 8  |
  | x | 4  | 64 |
  | x | 4  | 8  |
  | x | 64 | 64 |
  | x | 64 | 8  |
  | y | 2  | 2  |
  | y | 2  | 32 |
  | y | 32 | 2  |
  | y | 32 | 32 |
  | z | 16 | 16 |

rows without_null:
  | k | sum |
  | x | 128 |
  | x | 129 |
  | x | 192 |
  | x | 2   |
  | x | 5   |
  | x | 65  |
  | x | 65  |
  | x | 68  |
  | y | 34  |
  | y | 34  |
  | y | 4   |
  | y | 64  |
  | z | 32  |

rows texts:
  | n | m |
  | 1 | 1 |
  | 2 | 2 |
  | 4 | 1 |
  | 4 | 8 |
