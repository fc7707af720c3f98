-- A number that does not fit the type it is cast to fails its row.

source t: id Int64, n Int64, f Float64

stream small:
  SELECT id, CAST(n AS INT) AS n FROM t

stream large:
  SELECT id, CAST(f AS BIGINT) AS n FROM t

input t:
  | id | n           | f    |
  | 1  | 2147483647  | 1e15 |
  | 2  | 2147483648  | -3   | -- ExpressionFailed in small
  | 3  | -2147483649 | 1e19 | -- ExpressionFailed in small; ExpressionFailed in large
  | 4  | null        | null |

rows small:
  | id | n          |
  | 1  | 2147483647 |
  | 4  | null       |

rows large:
  | id | n                |
  | 1  | 1000000000000000 |
  | 2  | -3               |
  | 4  | null             |
