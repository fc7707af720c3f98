-- A row is joined with the row of a table that has its key; one without such a row is left out.

source t: k String, n Int64

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  SELECT t.n, c.name FROM t JOIN c ON t.k = c.k

input c:
  | k | name |
  | a | ann  |
  | b | bob  |

input t:
  | k | n |
  | a | 1 |
  | x | 2 |
  | b | 3 |
  | a | 4 |

rows out:
  | n | name |
  | 1 | ann  |
  | 3 | bob  |
  | 4 | ann  |
