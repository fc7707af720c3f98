-- A condition of ON decides what belongs together, one of WHERE what is left.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream in_on:
  SELECT a.k, a.n, b.m FROM a LEFT JOIN b ON a.k = b.k AND a.n > 2 AND b.m > 1 AND a.n <> b.m AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '1' MINUTE

stream in_where:
  SELECT a.k, a.n, b.m FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '1' MINUTE WHERE a.n > 2 AND b.m IS DISTINCT FROM 8

stream of_full:
  SELECT a.k, a.n, b.m FROM a FULL JOIN b ON a.k = b.k AND a.n > 2 AND b.m > 1 AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '1' MINUTE

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

rows in_on:
  | k    | n   | m    |
  | null | 8   | null |
  | x    | 1   | null |
  | x    | 128 | 64   |
  | x    | 4   | 8    |
  | x    | 64  | null |
  | y    | 2   | null |
  | y    | 32  | null |
  | z    | 16  | null |

rows in_where:
  | k    | n   | m    |
  | null | 8   | null |
  | x    | 128 | 64   |
  | x    | 4   | 1    |
  | x    | 64  | 64   |
  | y    | 32  | 32   |
  | z    | 16  | 16   |

rows of_full:
  | k    | n    | m    |
  | null | 8    | null |
  | null | null | 1    |
  | null | null | 128  |
  | null | null | 2    |
  | null | null | 4    |
  | x    | 1    | null |
  | x    | 128  | 64   |
  | x    | 4    | 8    |
  | x    | 64   | 64   |
  | y    | 2    | null |
  | y    | 32   | 32   |
  | z    | 16   | 16   |
