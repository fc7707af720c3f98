-- CASE in both forms; without ELSE what is left is null; the branches meet in one type.

source t: id Int64, n Int64, kind String

stream out:
  SELECT id,
         CASE WHEN n < 0 THEN 'negative' WHEN n = 0 THEN 'zero' WHEN n > 0 THEN 'positive' END AS sign,
         CASE kind WHEN 'in' THEN n WHEN 'out' THEN -n ELSE 0 END AS moved,
         CASE WHEN n > 10 THEN 1 ELSE 0.5 END AS weight
  FROM t

input t:
  | id | n    | kind |
  | 1  | -5   | in   |
  | 2  | 0    | out  |
  | 3  | 12   | out  |
  | 4  | null | in   |
  | 5  | 7    | null |

rows out:
  | id | sign     | moved | weight |
  | 1  | negative | -5    | 0.5    |
  | 2  | zero     | 0     | 0.5    |
  | 3  | positive | -12   | 1.0    |
  | 4  | null     | null  | 0.5    |
  | 5  | positive | 0     | 0.5    |
