-- 0.0 and -0.0 are equal, in a column of a table that rows are found by.

source t: n Int64, x Float64

source c: k String, x Float64
  table: {primaryKey: [k]}

stream out:
  SELECT t.n, c.k FROM t JOIN c ON t.x = c.x

input c:
  | k | x    |
  | a | -0.0 |
  | b | 0.0  |
  | c | 1.5  |

input t:
  | n | x    |
  | 1 | 0.0  |
  | 2 | -0.0 |
  | 3 | 1.5  |

rows out:
  | n | k |
  | 1 | a |
  | 1 | b |
  | 2 | a |
  | 2 | b |
  | 3 | c |
