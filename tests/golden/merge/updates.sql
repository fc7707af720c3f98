-- A change of either side changes the row, whichever came first.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream inner_join:
  SELECT a.k, a.n, a.note, b.amount, b.ok FROM a JOIN b ON a.k = b.k

stream outer_join:
  SELECT a.k, a.n, b.day FROM a LEFT JOIN b ON a.k = b.k

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

rows inner_join:
  | k | n    | note | amount | ok    |
  | w | 7    | new  | null   | null  |
  | x | 10   | more | 1.00   | false |
  | y | -2   | null | 2.00   | true  |
  | z | null | last | -0.01  | false |

rows outer_join:
  | k | n    | day        |
  | w | 7    | null       |
  | x | 10   | 2024-03-01 |
  | y | -2   | 2024-03-31 |
  | z | null | 1969-12-31 |
