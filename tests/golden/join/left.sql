-- LEFT JOIN keeps the rows that find nothing, with nulls.

source t: k String, n Int64

source c: k String, name String, age Int32
  table: {primaryKey: [k]}

stream out:
  SELECT t.*, c.name, c.age + 1 AS older FROM t LEFT JOIN c ON t.k = c.k

input c:
  | k | name | age |
  | a | ann  | 30  |
  | b |      | 7   |

input t:
  | k | n |
  | a | 1 |
  | x | 2 |
  | b | 3 |

rows out:
  | k | n | name | older |
  | a | 1 | ann  | 31    |
  | x | 2 | null | null  |
  | b | 3 | null | 8     |
