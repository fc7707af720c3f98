-- Rows of several partitions are all there, whatever partition is read first.

source t: id Int64, n Int64

stream out:
  SELECT id, n * 10 AS n FROM t WHERE n <> 3

input t:
  | # | id | n |
  | 0 | 1  | 1 |
  | 2 | 2  | 2 |
  | 1 | 3  | 3 |
  | 2 | 4  | 4 |
  | 0 | 5  | 5 |
  | 0 | 1  | 1 |

rows out:
  | id | n  |
  | 1  | 10 |
  | 1  | 10 |
  | 2  | 20 |
  | 4  | 40 |
  | 5  | 50 |
