-- COALESCE takes the first value that there is, NULLIF makes a value nothing.

source t: id Int64, a String, b String, n Int64

stream out:
  SELECT id, coalesce(a, b, 'none') AS first, nullif(a, b) AS different, coalesce(n, 0) + 1 AS next, greatest(n, 5) AS most, least(n, 5) AS least FROM t

input t:
  | id | a    | b    | n  |
  | 1  | x    | y    | 1  |
  | 2  | null | y    | 9  |
  | 3  | x    | x    | 5  |
  | 4  | null | null | 0  |
  | 5  | ""   | null | -1 |

rows out:
  | id | first | different | next | most | least |
  | 1  | x     | x         | 2    | 5    | 1     |
  | 2  | y     | null      | 10   | 9    | 5     |
  | 3  | x     | null      | 6    | 5    | 5     |
  | 4  | none  | null      | 1    | 5    | 0     |
  | 5  | ""    | ""        | 0    | 5    | -1    |
