-- A whole number that does not fit has no value: the row is a dead letter.

source t: id Int64, n Int64, m Int32

stream sum:
  SELECT id, n + 1 AS next FROM t

stream opposite:
  SELECT id, -n AS opposite FROM t

stream product:
  SELECT id, m * m AS square FROM t

input t:
  | id | n                    | m      |
  | 1  | 9223372036854775806  | 46340  |
  | 2  | 9223372036854775807  | 46341  | -- ExpressionFailed in sum; ExpressionFailed in product
  | 3  | -9223372036854775808 | -46340 | -- ExpressionFailed in opposite


rows sum:
  | id | next                 |
  | 1  | 9223372036854775807  |
  | 3  | -9223372036854775807 |

rows opposite:
  | id | opposite             |
  | 1  | -9223372036854775806 |
  | 2  | -9223372036854775807 |

rows product:
  | id | square     |
  | 1  | 2147395600 |
  | 3  | 2147395600 |
