-- A branch that is not taken is not computed: it protects from a division by zero.

source t: id Int64, n Int64, m Int64

stream out:
  SELECT id, CASE WHEN m <> 0 THEN n / m END AS quotient, n / nullif(m, 0) AS same FROM t

input t:
  | id | n  | m    |
  | 1  | 7  | 2    |
  | 2  | 7  | 0    |
  | 3  | -7 | 2    |
  | 4  | 7  | null |

rows out:
  | id | quotient | same |
  | 1  | 3        | 3    |
  | 2  | null     | null |
  | 3  | -3       | -3   |
  | 4  | null     | null |
