-- A table JOIN a table: the rows of both that have one key.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream out:
  SELECT a.k, a.n, a.note, b.amount, b.day FROM a JOIN b ON a.k = b.k

input a:
  | @key | k | n | note |
  | x | x | 1  | one  |
  | y | y | -2 |      |
  | z | z |    | last |

input b:
  | @key | k | amount | day | ok |
  | x | x | 999999999999999999999999999999999999.99 | 2024-02-29 | true  |
  | z | z | -0.01                                   | 1969-12-31 | false |
  | w | w |                                         |            |       |

rows out:
  | k | n    | note | amount                                  | day        |
  | x | 1    | one  | 999999999999999999999999999999999999.99 | 2024-02-29 |
  | z | null | last | -0.01                                   | 1969-12-31 |
