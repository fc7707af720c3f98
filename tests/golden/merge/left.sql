-- A LEFT JOIN has all rows of the left table.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream out:
  SELECT a.k, a.n, b.k AS other, b.amount, b.ok FROM a LEFT JOIN b ON a.k = b.k

stream other_way:
  SELECT b.k, b.day, a.note FROM b LEFT JOIN a ON b.k = a.k

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
  | k | n    | other | amount                                  | ok    |
  | x | 1    | x     | 999999999999999999999999999999999999.99 | true  |
  | y | -2   | null  | null                                    | null  |
  | z | null | z     | -0.01                                   | false |

rows other_way:
  | k | day        | note |
  | w | null       | null |
  | x | 2024-02-29 | one  |
  | z | 1969-12-31 | last |
