-- The sides are in other partitions than each other: rows meet by the key.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream inner_join:
  SELECT a.k, a.n, b.ok FROM a JOIN b ON a.k = b.k

stream outer_join:
  SELECT a.k, a.note, b.ok FROM a LEFT JOIN b ON a.k = b.k

input a:
  | # | @key | k | n | note |
  | 0 | x    | x | 1 | one  |
  | 1 | y    | y | 2 | two  |
  | 2 | z    | z | 3 |      |
  | 0 | x    | x | 4 | four |

input b:
  | # | @key | k | amount | day | ok    |
  | 1 | x    | x | 1      |     | true  |
  | 0 | y    | y | 1      |     | false |
  | 0 | y    |   |        |     |       |
  | 1 | z    | z |        |     |       |

rows inner_join:
  | k | n | ok   |
  | x | 4 | true |
  | z | 3 | null |

rows outer_join:
  | k | note | ok   |
  | x | four | true |
  | y | two  | null |
  | z | null | null |
