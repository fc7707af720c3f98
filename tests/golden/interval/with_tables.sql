-- Rows of tables beside those of either stream, before they are joined and after.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

source c: k String, city String
  table: {primaryKey: [k]}

stream before:
  SELECT a.k, a.n, c.city, b.m FROM a LEFT JOIN c ON a.k = c.k JOIN b ON b.k = a.k AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE

stream after:
  SELECT a.k, a.n, b.m, c.city FROM a JOIN b ON b.k = a.k AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE JOIN c ON b.k = c.k

stream by_city:
  SELECT x.k, y.k AS other, x.city FROM (SELECT a.k, c.city, a.ts FROM a JOIN c ON a.k = c.k) x
  JOIN (SELECT b.k, c.city, b.ts FROM b JOIN c ON b.k = c.k) y ON x.city = y.city AND x.ts - y.ts BETWEEN INTERVAL '-1' MINUTE AND INTERVAL '1' MINUTE

input c:
  | k | city |
  | x | Bern |
  | y | Bern |

input a:
  | # | k    | n | ts                   |
  | 0 | x    | 1 | 2024-01-01T00:00:00Z |
  | 1 | y    | 2 | 2024-01-01T00:00:10Z |
  | 0 | z    | 4 | 2024-01-01T00:01:00Z |
  | 1 | null | 8 | 2024-01-01T00:01:10Z |

input b:
  | # | k    | m  | ts                   |
  | 0 | x    | 1  | 2024-01-01T00:00:30Z |
  | 1 | y    | 2  | 2024-01-01T00:01:10Z |
  | 0 | z    | 4  | 2024-01-01T00:02:00Z |
  | 1 | null | 8  | 2024-01-01T00:01:20Z |

rows before:
  | k | n | city | m |
  | x | 1 | Bern | 1 |
  | y | 2 | Bern | 2 |
  | z | 4 | null | 4 |

rows after:
  | k | n | m | city |
  | x | 1 | 1 | Bern |
  | y | 2 | 2 | Bern |

rows by_city:
  | k | other | city |
  | x | x     | Bern |
  | y | x     | Bern |
  | y | y     | Bern |
