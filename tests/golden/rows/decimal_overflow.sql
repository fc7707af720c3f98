-- A decimal of more than 38 digits has no value: the row is a dead letter.

source t: id Int64, a Decimal(38,0)

stream next:
  SELECT id, a + 1 AS next FROM t

stream square:
  SELECT id, a * a AS square FROM t

input t:
  | id | a                                       |
  | 1  | 9999999999999999999                     |
  | 2  | 99999999999999999999999999999999999998  | -- ExpressionFailed in square
  | 3  | 99999999999999999999999999999999999999  | -- ExpressionFailed in next; ExpressionFailed in square
  | 4  | -99999999999999999999999999999999999999 | -- ExpressionFailed in square
  | 5  | null                                    |

rows next:
  | id | next                                    |
  | 1  | 10000000000000000000                    |
  | 2  | 99999999999999999999999999999999999999  |
  | 4  | -99999999999999999999999999999999999998 |
  | 5  | null                                    |

rows square:
  | id | square                                 |
  | 1  | 99999999999999999980000000000000000001 |
  | 5  | null                                   |
