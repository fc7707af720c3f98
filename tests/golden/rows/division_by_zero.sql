-- A division of whole numbers or decimals by zero has no value: the row is a dead letter, those around it are not.

source t: id Int64, n Int64, m Int64

stream ratio:
  SELECT id, n / m AS ratio FROM t

stream rest:
  SELECT id FROM t WHERE n % m = 1

input t:
  | id | n    | m |
  | 1  | 6    | 3 |
  | 2  | 6    | 0 | -- ExpressionFailed in ratio; ExpressionFailed in rest
  | 3  | 7    | 3 |
  | 4  | null | 0 |
  | 5  | 0    | 2 |


rows ratio:
  | id | ratio |
  | 1  | 2     |
  | 3  | 2     |
  | 4  | null  |
  | 5  | 0     |

rows rest:
  | id |
  | 3  |
