-- A key of several columns with a null in any of them belongs to none: its row goes on alone, of each side that all rows go on of.

source a: k String, g Int64, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, g Int64, m Int64, ts Timestamp
  eventTime: {column: ts}

stream lefts:
  SELECT a.k, a.g, a.n, b.m FROM a LEFT JOIN b ON a.k = b.k AND a.g = b.g AND b.ts BETWEEN a.ts - INTERVAL '5' SECOND AND a.ts + INTERVAL '5' SECOND

stream rights:
  SELECT b.k, b.g, a.n, b.m FROM a RIGHT JOIN b ON a.k = b.k AND a.g = b.g AND b.ts BETWEEN a.ts - INTERVAL '5' SECOND AND a.ts + INTERVAL '5' SECOND

stream both:
  SELECT a.k AS ak, b.k AS bk, a.n, b.m FROM a FULL JOIN b ON a.k = b.k AND a.g = b.g AND b.ts BETWEEN a.ts - INTERVAL '5' SECOND AND a.ts + INTERVAL '5' SECOND

input a:
  | # | k | g  | n   | ts                   |
  | 0 | x | -1 | 1   | 2024-01-01T00:00:00Z |
  | 1 |   | -1 | 2   | 2024-01-01T00:00:00Z |
  | 0 | x |    | 4   | 2024-01-01T00:00:01Z |
  | 1 |   |    | 8   | 2024-01-01T00:00:01Z |
  | 0 | x | -1 |     | 2024-01-01T00:00:02Z |
  | 1 | y | 0  | 32  | 2024-01-01T00:01:00Z |

input b:
  | # | k | g  | m   | ts                   |
  | 1 | x | -1 | 1   | 2024-01-01T00:00:02Z |
  | 0 |   | -1 | 2   | 2024-01-01T00:00:02Z |
  | 1 | x |    | 4   | 2024-01-01T00:00:03Z |
  | 0 |   |    | 8   | 2024-01-01T00:00:03Z |
  | 1 | x | -1 |     | 2024-01-01T00:00:05Z |
  | 0 | y | 0  | 32  | 2024-01-01T00:01:05Z |
  | 0 | y | 0  | 64  | 2024-01-01T00:01:05.000001Z |

rows lefts:
  | k    | g    | n    | m    |
  | null | -1   | 2    | null |
  | null | null | 8    | null |
  | x    | -1   | 1    | 1    |
  | x    | -1   | 1    | null |
  | x    | -1   | null | 1    |
  | x    | -1   | null | null |
  | x    | null | 4    | null |
  | y    | 0    | 32   | 32   |

rows rights:
  | k    | g    | n    | m    |
  | null | -1   | null | 2    |
  | null | null | null | 8    |
  | x    | -1   | 1    | 1    |
  | x    | -1   | 1    | null |
  | x    | -1   | null | 1    |
  | x    | -1   | null | null |
  | x    | null | null | 4    |
  | y    | 0    | 32   | 32   |
  | y    | 0    | null | 64   |

rows both:
  | ak   | bk   | n    | m    |
  | null | null | 2    | null |
  | null | null | 8    | null |
  | null | null | null | 2    |
  | null | null | null | 8    |
  | null | x    | null | 4    |
  | null | y    | null | 64   |
  | x    | null | 4    | null |
  | x    | x    | 1    | 1    |
  | x    | x    | 1    | null |
  | x    | x    | null | 1    |
  | x    | x    | null | null |
  | y    | y    | 32   | 32   |
