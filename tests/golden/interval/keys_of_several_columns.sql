-- Keys of several columns, of which one may be null, and of expressions.

source a: k String, g Int32, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, g Int64, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m FROM a JOIN b ON a.k = b.k AND a.g = b.g AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' HOUR

stream computed:
  SELECT a.k, b.k AS other, a.n, b.m FROM a JOIN b ON upper(a.k) = upper(b.k) AND a.n % 2 = b.m % 2 AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' HOUR

input a:
  | # | k    | g    | n | ts                   |
  | 0 | x    | 1    | 1 | 2024-01-01T00:00:00Z |
  | 0 | x    | null | 2 | 2024-01-01T00:00:01Z |
  | 1 | null | 1    | 3 | 2024-01-01T00:00:02Z |
  | 1 | X    | 1    | 4 | 2024-01-01T00:00:03Z |
  | 0 | ""   | 2    | 5 | 2024-01-01T00:00:04Z |
  | 0 | null | null | 6 | 2024-01-01T00:00:05Z |

input b:
  | # | k    | g    | m  | ts                   |
  | 0 | x    | 1    | 11 | 2024-01-01T00:10:00Z |
  | 1 | x    | null | 12 | 2024-01-01T00:10:01Z |
  | 0 | null | 1    | 13 | 2024-01-01T00:10:02Z |
  | 1 | X    | 1    | 14 | 2024-01-01T00:10:03Z |
  | 0 | ""   | 2    | 15 | 2024-01-01T00:59:59Z |
  | 1 | null | null | 16 | 2024-01-01T01:00:05Z |

rows out:
  | k  | n | m  |
  | "" | 5 | 15 |
  | X  | 4 | 14 |
  | x  | 1 | 11 |

rows computed:
  | k  | other | n | m  |
  | "" | ""    | 5 | 15 |
  | X  | X     | 4 | 14 |
  | X  | x     | 4 | 12 |
  | x  | X     | 2 | 14 |
  | x  | x     | 1 | 11 |
  | x  | x     | 2 | 12 |
