-- A quotient of decimals has four digits more after the point than the dividend; further ones are cut off. (DuckDB gives a float.)

source t: a Decimal(10,2), b Decimal(10,2)

stream out:
  SELECT a, b, a / b AS quotient FROM t

batch out:
  SELECT a, b, CAST(trunc(CAST(a AS DOUBLE) / b * 1000000) / 1000000 AS DECIMAL(20,6)) AS quotient FROM t

input t:
  | a    | b |
  | 1    | 3 |
  | 2    | 3 |
  | -1   | 8 |
  | 10   | 4 |
  | 0    | 7 |
  | null | 1 |


rows out:
  | a     | b    | quotient  |
  | -1.00 | 8.00 | -0.125000 |
  | 0.00  | 7.00 | 0.000000  |
  | 1.00  | 3.00 | 0.333333  |
  | 10.00 | 4.00 | 2.500000  |
  | 2.00  | 3.00 | 0.666666  |
  | null  | 1.00 | null      |
