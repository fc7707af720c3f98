-- A number that does not fit the decimal it is cast to fails its row.

source t: id Int64, n Int64, s String

stream out:
  SELECT id, CAST(n AS DECIMAL(5,2)) AS n, CAST(s AS DECIMAL(5,2)) AS s FROM t

input t:
  | id | n    | s        |
  | 1  | 999  | "999.99" |
  | 2  | 1000 | "1"      | -- ExpressionFailed in out
  | 3  | -999 | "-1.005" |
  | 4  | 1    | "1000"   | -- ExpressionFailed in out
  | 5  | null | null     |

rows out:
  | id | n       | s      |
  | 1  | 999.00  | 999.99 |
  | 3  | -999.00 | -1.01  |
  | 5  | null    | null   |
