-- A row that is deleted on one side takes the joined one with it, or what the LEFT JOIN had of it.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream inner_join:
  SELECT a.k, a.n, b.amount FROM a JOIN b ON a.k = b.k

stream outer_join:
  SELECT a.k, a.n, b.amount FROM a LEFT JOIN b ON a.k = b.k

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
  | x |  |  |  |
  | nobody |  |  |  |

input b:
  | @key | k | amount | day | ok |
  | z |  |  |  |  |
  | y | y | 5.00 | 2024-10-27 | true |

rows inner_join:
  | k | n  | amount |
  | y | -2 | 5.00   |

rows outer_join:
  | k | n    | amount |
  | y | -2   | 5.00   |
  | z | null | null   |
