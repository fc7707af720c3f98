-- What is joined is joined again, by the time of any of its streams.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

source c: k String, o Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m, c.o FROM a
  JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '1' MINUTE
  JOIN c ON c.k = a.k AND c.ts BETWEEN a.ts AND a.ts + INTERVAL '2' MINUTE

stream by_the_later:
  SELECT ab.k, n, m, c.o FROM (
    SELECT a.k, a.n, b.m, a.ts FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '2' MINUTE AND a.ts
  ) ab JOIN c ON c.k = ab.k AND c.ts > ab.ts AND c.ts <= ab.ts + INTERVAL '1' MINUTE

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

input c:
  | # | k | o | ts                   |
  | 0 | x | 1 | 2024-02-29T00:00:00Z |
  | 1 | y | 2 | 2024-02-29T00:00:11Z |
  | 0 | x | 4 | 2024-02-29T00:02:00Z |
  | 0 | z | 8 | 2024-02-29T00:02:00Z |
  | 1 | x | 16| 2024-02-29T00:10:00.000001Z |

rows out:
  | k | n  | m  | o  |
  | x | 1  | 1  | 1  |
  | x | 1  | 1  | 4  |
  | x | 4  | 1  | 4  |
  | x | 4  | 8  | 4  |
  | x | 64 | 64 | 16 |
  | y | 2  | 2  | 2  |
  | z | 16 | 16 | 8  |

rows by_the_later:
  | k | n  | m  | o  |
  | x | 4  | 1  | 4  |
  | x | 64 | 64 | 16 |
  | y | 2  | 2  | 2  |
