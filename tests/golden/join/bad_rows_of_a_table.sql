-- A record of a table that cannot be used leaves the row before it as it is.

source t: n Int64, k String

source c: k String, age Int32
  table: {primaryKey: [k]}
  check: "age >= 0"

stream out:
  SELECT t.n, c.age FROM t LEFT JOIN c ON t.k = c.k

input c:
  | k | age |
  | a | 1   |
  | a | x   | -- WrongType
  | a | -1  | -- CheckFailed
  |   | 5   | -- MissingRequired
  | b | 2   |

input t:
  | n | k |
  | 1 | a |
  | 2 | b |

rows out:
  | n | age |
  | 1 | 1   |
  | 2 | 2   |
