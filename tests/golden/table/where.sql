-- Rows that WHERE leaves out count for nothing; a key of which none is left has no row.

source t: k String, n Int64

stream out:
  SELECT k, count(*) AS rows, sum(n) AS sum FROM t WHERE n > 0 GROUP BY k

input t:
  | k | n    |
  | a | 1    |
  | a | -1   |
  | b | 0    |
  | c | null |
  | a | 5    |

rows out:
  | k | rows | sum |
  | a | 2    | 6   |
