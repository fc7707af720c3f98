-- What is selected is computed of both rows.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream out:
  SELECT b.k, concat(a.note, ' of ', a.k) AS text, coalesce(a.n, 0) * 2 AS twice, CASE WHEN b.ok THEN b.amount END AS amount FROM a JOIN b ON a.k = b.k

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

input a:
  | @key | k | n | note |
  | x | x | 10 | more |
  | w | w | 7  | new  |

input b:
  | @key | k | amount | day | ok |
  | x | x | 1.00 | 2024-03-01 | false |
  | y | y | 2.00 | 2024-03-31 | true  |

rows out:
  | k | text      | twice | amount |
  | w | new of w  | 14    | null   |
  | x | more of x | 20    | null   |
  | y | " of y"   | -4    | 2.00   |
  | z | last of z | 0     | null   |
