-- Sides may be streams, subqueries, and unions; a source may be deduplicated.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

source c: k String, o Int64, ts Timestamp
  eventTime: {column: ts}
  deduplicate: {key: [k], within: 5m}

stream small:
  SELECT upper(k) AS key, n * 2 AS twice, ts AS at FROM a WHERE n < 100

stream out:
  SELECT s.key, s.twice, q.m FROM small s JOIN (
    SELECT upper(k) AS key, m, ts FROM b UNION ALL SELECT upper(k), n * 1000, ts FROM a
  ) q ON s.key = q.key AND q.ts BETWEEN s.at - INTERVAL '1' MINUTE AND s.at

stream fresh:
  SELECT a.k, a.n, c.o FROM a JOIN c ON a.k = c.k AND c.ts BETWEEN a.ts - INTERVAL '10' MINUTE AND a.ts

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
  | 0 | x | 2 | 2024-02-29T00:04:00Z | -- Dropped
  | 0 | x | 4 | 2024-02-29T00:05:00.000001Z |
  | 1 | y | 8 | 2024-02-29T00:00:11Z |

rows small:
  | key  | twice | at                   |
  | X    | 128   | 2024-02-29T00:10:00Z |
  | X    | 2     | 2024-02-29T00:00:00Z |
  | X    | 8     | 2024-02-29T00:01:00Z |
  | Y    | 4     | 2024-02-29T00:00:10Z |
  | Y    | 64    | 2024-02-29T00:03:00Z |
  | Z    | 32    | 2024-02-29T00:02:00Z |
  | null | 16    | 2024-02-29T00:01:10Z |

rows out:
  | key | twice | m     |
  | X   | 128   | 64    |
  | X   | 128   | 64000 |
  | X   | 2     | 1000  |
  | X   | 8     | 1     |
  | X   | 8     | 1000  |
  | X   | 8     | 4000  |
  | Y   | 4     | 2     |
  | Y   | 4     | 2000  |
  | Y   | 64    | 32000 |
  | Z   | 32    | 16000 |

rows fresh:
  | k | n   | o |
  | x | 1   | 1 |
  | x | 128 | 4 |
  | x | 4   | 1 |
  | x | 64  | 1 |
  | x | 64  | 4 |
  | y | 32  | 8 |
