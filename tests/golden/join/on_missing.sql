-- onMissing: DeadLetter sends rows whose key is not in the table to the dead letters, whichever join it is.

source t: k String, n Int64

source c: k String, name String
  table: {primaryKey: [k]}

stream outer_join:
  onMissing: DeadLetter
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

stream inner_join:
  onMissing: DeadLetter
  SELECT t.n, c.name FROM t JOIN c ON t.k = c.k WHERE t.n > 2

stream by_name:
  onMissing: DeadLetter
  SELECT t.n, c.k FROM t JOIN c ON t.k = c.name AND t.n < 5

input c:
  | k | name |
  | a | ann  |

input t:
  | k   | n |
  | a   | 1 | -- NoTableRow in by_name
  | x   | 2 | -- NoTableRow in outer_join; NoTableRow in by_name
  | x   | 3 | -- NoTableRow in outer_join; NoTableRow in inner_join; NoTableRow in by_name
  | a   | 4 | -- NoTableRow in by_name
  | ann | 5 | -- NoTableRow in outer_join; NoTableRow in inner_join
  | ann | 0 | -- NoTableRow in outer_join

rows outer_join:
  | n | name |
  | 1 | ann  |
  | 4 | ann  |

rows inner_join:
  | n | name |
  | 4 | ann  |

rows by_name:
  | n | k |
  | 0 | a |
