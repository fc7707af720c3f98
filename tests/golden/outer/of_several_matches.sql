-- A row that belongs to several goes on with each, never alone; one side may be the other's partner many times over.

source a: k Int64, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

source b: k Int64, m Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream pairs:
  SELECT a.k, a.n, b.m FROM a FULL JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' SECOND AND a.ts + INTERVAL '1' SECOND

stream how_many:
  SELECT a.k, a.n, b.m, a.ts AS seen FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' SECOND AND a.ts + INTERVAL '1' SECOND

input a:
  | # | k  | n  | ts                   |
  | 0 | -1 | 1  | 2024-12-31T23:59:59Z |
  | 0 | -1 | 2  | 2024-12-31T23:59:59Z |
  | 1 | 0  | 4  | 2024-12-31T23:59:59Z |
  | 0 | -1 | 8  | 2025-01-01T00:00:00Z |
  | 1 | 0  | 16 | 2025-01-01T00:00:00Z |
  | 1 | 0  | 32 | 2025-01-01T00:00:02Z |

input b:
  | # | k  | m  | ts                   |
  | 0 | -1 | 1  | 2024-12-31T23:59:58Z |
  | 0 | -1 | 2  | 2025-01-01T00:00:00Z |
  | 1 | 0  | 4  | 2025-01-01T00:00:00Z |
  | 0 | -1 | 8  | 2025-01-01T00:00:01Z |
  | 1 | 0  | 16 | 2025-01-01T00:00:01Z |
  | 1 | 0  | 32 | 2025-01-01T00:00:05Z |

rows pairs:
  | k    | n    | m  |
  | -1   | 1    | 1  |
  | -1   | 1    | 2  |
  | -1   | 2    | 1  |
  | -1   | 2    | 2  |
  | -1   | 8    | 2  |
  | -1   | 8    | 8  |
  | 0    | 16   | 16 |
  | 0    | 16   | 4  |
  | 0    | 32   | 16 |
  | 0    | 4    | 4  |
  | null | null | 32 |

rows how_many:
  | k  | n  | m  | seen                 |
  | -1 | 1  | 1  | 2024-12-31T23:59:59Z |
  | -1 | 1  | 2  | 2024-12-31T23:59:59Z |
  | -1 | 2  | 1  | 2024-12-31T23:59:59Z |
  | -1 | 2  | 2  | 2024-12-31T23:59:59Z |
  | -1 | 8  | 2  | 2025-01-01T00:00:00Z |
  | -1 | 8  | 8  | 2025-01-01T00:00:00Z |
  | 0  | 16 | 16 | 2025-01-01T00:00:00Z |
  | 0  | 16 | 4  | 2025-01-01T00:00:00Z |
  | 0  | 32 | 16 | 2025-01-01T00:00:02Z |
  | 0  | 4  | 4  | 2024-12-31T23:59:59Z |
