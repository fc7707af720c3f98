-- Zero and minus zero are the same key, also where they are computed.

source t: f Float64, n Int64

stream out:
  SELECT round(f) AS whole, sum(n) AS sum FROM t GROUP BY round(f)

input t:
  | f    | n  |
  | 0.4  | 1  |
  | -0.4 | 2  |
  | 0    | 4  |
  | -0.0 | 8  |
  | -0.6 | 16 |


rows out:
  | whole | sum |
  | -1.0  | 16  |
  | 0.0   | 15  |
