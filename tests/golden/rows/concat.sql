-- `||` with a null is null; concat passes nulls over.

source t: a String, n Int64

stream out:
  SELECT a, n, a || '-' || n AS joined, concat(a, '-', n) AS told, concat_ws('/', a, 'x', CAST(n AS VARCHAR)) AS path FROM t

input t:
  | a    | n    |
  | x    | 1    |
  | null | 2    |
  | y    | null |
  | ""   | -3   |

rows out:
  | a    | n    | joined | told | path  |
  | ""   | -3   | --3    | --3  | /x/-3 |
  | null | 2    | null   | -2   | x/2   |
  | x    | 1    | x-1    | x-1  | x/x/1 |
  | y    | null | null   | y-   | y/x   |
