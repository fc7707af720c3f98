-- Null is a key of its own.

source t: k String, n Int64

stream out:
  SELECT k, sum(n) AS sum FROM t GROUP BY k

input t:
  | # | k    | n    |
  | 0 | null | 1    |
  | 1 | null | 2    |
  | 0 | ""   | 4    |
  | 1 | a    | null |

rows out:
  | k    | sum  |
  | ""   | 4    |
  | a    | null |
  | null | 3    |
