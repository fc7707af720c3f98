-- FILTER in a table.

source t: k String, kind String, n Int64

stream out:
  SELECT k, sum(n) FILTER (WHERE kind = 'in') AS ins, sum(n) FILTER (WHERE kind = 'out') AS outs, count(*) FILTER (WHERE kind IS NULL) AS unknown FROM t GROUP BY k

input t:
  | # | k | kind | n  |
  | 0 | a | in   | 1  |
  | 1 | a | out  | 2  |
  | 0 | a | null | 4  |
  | 0 | b | in   | 8  |
  | 1 | a | in   | 16 |

rows out:
  | k | ins | outs | unknown |
  | a | 17  | 2    | 1       |
  | b | 8   | null | 0       |
