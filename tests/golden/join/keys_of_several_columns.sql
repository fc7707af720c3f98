-- A primary key of several columns, of several types: all of it finds one row, a part of it several.

source t: a Int64, d Date, m Decimal(6,2)

source r: a Int64, d Date, m Decimal(6,2), rate Float64
  table: {primaryKey: [a, d]}

stream whole:
  SELECT t.a, r.rate FROM t LEFT JOIN r ON r.d = t.d AND r.a = t.a

stream part:
  SELECT t.a, r.rate FROM t JOIN r ON t.d = r.d

stream by_decimal:
  SELECT t.a, r.rate FROM t JOIN r ON t.m = r.m

input r:
  | a | d          | m    | rate |
  | 1 | 2024-02-29 | 1.50 | 0.5  |
  | 2 | 2024-02-29 | 2    | 1.5  |
  | 1 | 2024-03-01 | 1.5  | 2.5  |

input t:
  | a | d          | m     |
  | 1 | 2024-02-29 | 1.5   |
  | 1 | 2024-03-01 | -0.01 |
  | 3 | 2024-02-29 | 2.00  |

rows whole:
  | a | rate |
  | 1 | 0.5  |
  | 1 | 2.5  |
  | 3 | null |

rows part:
  | a | rate |
  | 1 | 0.5  |
  | 1 | 1.5  |
  | 1 | 2.5  |
  | 3 | 0.5  |
  | 3 | 1.5  |

rows by_decimal:
  | a | rate |
  | 1 | 0.5  |
  | 1 | 2.5  |
  | 3 | 1.5  |
