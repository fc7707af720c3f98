-- Rows are found by expressions of the row; one that fails makes its row a dead letter, alone.

source t: n Int64, text String

source c: id Int64, name String
  table: {primaryKey: [id]}

stream out:
  SELECT t.n, c.name FROM t JOIN c ON c.id = CAST(t.text AS BIGINT) + 1

stream upper_name:
  SELECT t.n, c.id FROM t JOIN c ON c.name = upper(t.text)

input c:
  | id | name |
  | 1  | A    |
  | 3  | B    |

input t:
  | n | text |
  | 1 | "0"  |
  | 2 | "2"  |
  | 3 | b    | -- ExpressionFailed in out
  | 4 | "1"  |

rows out:
  | n | name |
  | 1 | A    |
  | 2 | B    |

rows upper_name:
  | n | id |
  | 3 | 3  |
