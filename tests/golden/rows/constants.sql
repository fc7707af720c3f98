-- Columns that are the same in every row.

source t: n Int64

stream out:
  SELECT n, 1 AS one, 'x' AS text, NULL AS nothing, true AS yes, 1.50 AS decimal, 1e3 AS float, DATE '2024-02-29' AS day, TIMESTAMP '1969-12-31 23:59:59.5' AS time FROM t

input t:
  | n |
  | 1 |
  | 2 |

rows out:
  | n | one | text | nothing | yes  | decimal | float  | day        | time                        |
  | 1 | 1   | x    | null    | true | 1.50    | 1000.0 | 2024-02-29 | 1969-12-31T23:59:59.500000Z |
  | 2 | 1   | x    | null    | true | 1.50    | 1000.0 | 2024-02-29 | 1969-12-31T23:59:59.500000Z |
