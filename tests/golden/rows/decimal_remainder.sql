-- The remainder of decimals has the sign of the dividend.

source t: a Decimal(10,2), b Decimal(10,2)

stream out:
  SELECT a, b, a % b AS rest, abs(a) % 1 AS fraction FROM t

input t:
  | a     | b     |
  | 7.25  | 2.00  |
  | -7.25 | 2.00  |
  | 7.25  | -2.50 |
  | 0.05  | 0.03  |
  | null  | 1     |

rows out:
  | a     | b     | rest  | fraction |
  | -7.25 | 2.00  | -1.25 | 0.25     |
  | 0.05  | 0.03  | 0.02  | 0.05     |
  | 7.25  | -2.50 | 2.25  | 0.25     |
  | 7.25  | 2.00  | 1.25  | 0.25     |
  | null  | 1.00  | null  | null     |
