-- Conditions beside the bounds: of one side, of both, one or the other, of what is computed; bounds that are not in themselves.

source a: k String, n Int64, x Float64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, y Float64, ts Timestamp
  eventTime: {column: ts}

stream one_or_the_other:
  SELECT a.n, b.m FROM a LEFT JOIN b ON a.k = b.k AND (a.n = b.m OR b.m < 0) AND b.ts > a.ts - INTERVAL '10' SECOND AND b.ts < a.ts + INTERVAL '10' SECOND

stream computed:
  SELECT a.n, b.m FROM a RIGHT JOIN b ON upper(a.k) = b.k AND abs(a.n) = abs(b.m) AND b.ts BETWEEN a.ts - INTERVAL '10' SECOND AND a.ts

stream of_floats:
  SELECT a.n, b.m FROM a FULL JOIN b ON a.x = b.y AND a.k <> b.k AND b.ts BETWEEN a.ts - INTERVAL '10' SECOND AND a.ts + INTERVAL '10' SECOND

stream of_none:
  SELECT a.n, b.m FROM a FULL JOIN b ON a.k = b.k AND a.n > 1000 AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' SECOND

input a:
  | k | n  | x    | ts                   |
  | x | 1  | 0    | 2024-02-29T00:00:00Z |
  | x | -2 | -0.0 | 2024-02-29T00:00:05Z |
  | X | 4  | 1.5  | 2024-02-29T00:00:10Z |
  | y | -8 |      | 2024-02-29T00:00:15Z |

input b:
  | k | m  | y    | ts                          |
  | x | -1 | -0.0 | 2024-02-28T23:59:50Z        |
  | X | 2  | 0    | 2024-02-28T23:59:55Z        |
  | X | -4 | 1.5  | 2024-02-29T00:00:09.999999Z |
  | x | -4 | 1.5  | 2024-02-29T00:00:10Z        |
  | Y | 8  |      | 2024-02-29T00:00:15Z        |
  | y | -8 |      | 2024-02-29T00:00:25Z        |

rows one_or_the_other:
  | n  | m    |
  | -2 | -4   |
  | -8 | null |
  | 1  | null |
  | 4  | -4   |

rows computed:
  | n    | m  |
  | -2   | 2  |
  | -8   | 8  |
  | 4    | -4 |
  | null | -1 |
  | null | -4 |
  | null | -8 |

rows of_floats:
  | n    | m    |
  | -2   | 2    |
  | -8   | null |
  | 1    | 2    |
  | 4    | -4   |
  | null | -1   |
  | null | -4   |
  | null | -8   |
  | null | 8    |

rows of_none:
  | n    | m    |
  | -2   | null |
  | -8   | null |
  | 1    | null |
  | 4    | null |
  | null | -1   |
  | null | -4   |
  | null | -4   |
  | null | -8   |
  | null | 2    |
  | null | 8    |
