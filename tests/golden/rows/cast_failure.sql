-- A text that is no number fails its own row; TRY_CAST makes it null.

source t: id Int64, s String

stream strict:
  SELECT id, CAST(s AS BIGINT) AS n FROM t

stream lenient:
  SELECT id, TRY_CAST(s AS BIGINT) AS n, TRY_CAST(s AS DATE) AS day FROM t

input t:
  | id | s                      |
  | 1  | "12"                   |
  | 2  | twelve                 | -- ExpressionFailed in strict
  | 3  | ""                     | -- ExpressionFailed in strict
  | 4  | 2024-02-29             | -- ExpressionFailed in strict
  | 5  | "99999999999999999999" | -- ExpressionFailed in strict
  | 6  | null                   |

rows strict:
  | id | n    |
  | 1  | 12   |
  | 6  | null |

rows lenient:
  | id | n    | day        |
  | 1  | 12   | null       |
  | 2  | null | null       |
  | 3  | null | null       |
  | 4  | null | 2024-02-29 |
  | 5  | null | null       |
  | 6  | null | null       |
