-- Bounds may be spelled as inequalities, on both sides of a time, and one of them may be open.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m FROM a JOIN b ON b.k = a.k AND b.ts >= a.ts - INTERVAL '60' SECOND AND b.ts < a.ts + INTERVAL '1' MINUTE

stream from_the_other:
  SELECT a.k, a.n, b.m FROM a JOIN b ON b.k = a.k AND a.ts > b.ts - INTERVAL '1' MINUTE AND a.ts <= b.ts + INTERVAL '1' MINUTE

stream by_differences:
  SELECT a.k, a.n, b.m FROM a JOIN b ON b.k = a.k
  WHERE b.ts - a.ts <= INTERVAL '30' SECOND AND a.ts - b.ts < INTERVAL '30' SECOND

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
  | k | n   | m  |
  | x | 1   | 1  |
  | x | 128 | 64 |
  | x | 4   | 1  |
  | x | 4   | 8  |
  | x | 64  | 64 |
  | y | 2   | 2  |
  | z | 16  | 16 |

rows from_the_other:
  | k | n   | m  |
  | x | 1   | 1  |
  | x | 128 | 64 |
  | x | 4   | 1  |
  | x | 4   | 8  |
  | x | 64  | 64 |
  | y | 2   | 2  |
  | z | 16  | 16 |

rows by_differences:
  | k | n  | m  |
  | x | 1  | 1  |
  | x | 4  | 8  |
  | x | 64 | 64 |
  | y | 2  | 2  |
  | z | 16 | 16 |
