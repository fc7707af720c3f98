-- Numbers of two types are equal where their values are, on either side; what the table's type cannot hold is in no row.

source t: n Int64, small Int32, big Int64, price Decimal(12,4), x Float64, low Decimal(4,1)

source c: id Int32, name String
  table: {primaryKey: [id]}

source l: id Int64, name String
  table: {primaryKey: [id]}

source d: price Decimal(6,2), name String
  table: {primaryKey: [price]}

stream wide_with_narrow:
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.big = c.id

stream narrow_with_wide:
  SELECT t.n, l.name FROM t JOIN l ON t.small = l.id

stream by_a_float:
  SELECT t.n, c.name FROM t JOIN c ON t.x = c.id

stream by_a_decimal:
  onMissing: DeadLetter
  SELECT t.n, d.name FROM t JOIN d ON t.price = d.price

stream by_a_shorter_decimal:
  SELECT t.n, d.name FROM t JOIN d ON t.low = d.price

stream whole_with_decimal:
  SELECT t.n, d.name FROM t JOIN d ON t.big = d.price

stream no_key:
  SELECT t.n, c.id FROM t JOIN c ON c.name = 'one' AND c.id = t.big

input c:
  | id         | name  |
  | 1          | one   |
  | -1         | minus |
  | 2147483647 | most  |

input l:
  | id | name |
  | 1  | one  |
  | -1 | minus |

input d:
  | price   | name  |
  | 1.00    | one   |
  | 1.25    | more  |
  | 9999.99 | most  |
  | -0.10   | minus |

input t:
  | n | small | big                 | price         | x            | low   |
  | 1 | 1     | 1                   | 1.0000        | 1            | 1.0   | -- a plain match
  | 2 | -1    | -1                  | 1.2500        | 1.5          | -0.1  |
  | 3 | 7     | 4294967297          | 1.2501        | 4294967297   | 1.2   | -- NoTableRow in by_a_decimal
  | 4 |       |                     |               |              |       |
  | 5 | 1     | 2147483647          | 9999.9900     | 2147483647   | 999.9 |
  | 6 | 1     | 9223372036854775807 | 12345678.0000 | 1e300        | -0.0  | -- NoTableRow in by_a_decimal
  | 7 | 1     | 2147483648          | 1.0050        | -0.0         | 1.3   | -- NoTableRow in by_a_decimal

rows wide_with_narrow:
  | n | name  |
  | 1 | one   |
  | 2 | minus |
  | 3 | null  |
  | 4 | null  |
  | 5 | most  |
  | 6 | null  |
  | 7 | null  |

rows narrow_with_wide:
  | n | name  |
  | 1 | one   |
  | 2 | minus |
  | 5 | one   |
  | 6 | one   |
  | 7 | one   |

rows by_a_float:
  | n | name |
  | 1 | one  |
  | 5 | most |

rows by_a_decimal:
  | n | name |
  | 1 | one  |
  | 2 | more |
  | 5 | most |

rows by_a_shorter_decimal:
  | n | name  |
  | 1 | one   |
  | 2 | minus |

rows whole_with_decimal:
  | n | name |
  | 1 | one  |

rows no_key:
  | n | id |
  | 1 | 1  |
