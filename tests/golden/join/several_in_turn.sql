-- The key of the second table is a column of the first: a null there finds nothing.

source t: n Int64, k String, p Int64, ts Timestamp

source c: k String, name String, city Int64
  table: {primaryKey: [k]}

source d: p Int64, title String, price Decimal(10,2)
  table: {primaryKey: [p]}

stream outer_joins:
  SELECT t.n, c.name, d.title, d.price FROM t LEFT JOIN c ON t.k = c.k LEFT JOIN d ON c.city = d.p

stream inner_joins:
  SELECT t.n, c.name, d.title, d.price FROM t JOIN c ON t.k = c.k JOIN d ON c.city = d.p

stream of_both:
  SELECT t.n, d.title FROM t LEFT JOIN c ON t.k = c.k JOIN d ON coalesce(c.city, t.p) = d.p

input c:
  | @key | k | name | city |
  | a    | a | ann  | 1    |
  | b    | b | bob  | -2   |
  | c    | c |      |      |
  | x    | x | xan  | 1    |
  | x    |   |      |      |

input d:
  | p  | title | price |
  | 1  | one   | 1.00  |
  | -2 | minus | -2.50 |
  | 3  |       |       |

input t:
  | n | k | p  | ts                   |
  | 1 | a | 1  | 2024-02-29T23:59:59Z |
  | 2 | a | -2 | 1969-12-31T23:59:59Z |
  | 3 | b | 9  | 2024-03-31T01:30:00Z |
  | 4 | c | 3  | 2024-01-01T00:00:00Z |
  | 5 | z | 1  | 2024-01-01T00:00:00Z |
  | 6 |   | 3  | 2024-01-01T00:00:00Z |
  | 7 | b |    |                      |
  | 8 | x | 1  | 2024-01-01T00:00:00Z |

rows outer_joins:
  | n | name | title | price |
  | 1 | ann  | one   | 1.00  |
  | 2 | ann  | one   | 1.00  |
  | 3 | bob  | minus | -2.50 |
  | 4 | null | null  | null  |
  | 5 | null | null  | null  |
  | 6 | null | null  | null  |
  | 7 | bob  | minus | -2.50 |
  | 8 | null | null  | null  |

rows inner_joins:
  | n | name | title | price |
  | 1 | ann  | one   | 1.00  |
  | 2 | ann  | one   | 1.00  |
  | 3 | bob  | minus | -2.50 |
  | 7 | bob  | minus | -2.50 |

rows of_both:
  | n | title |
  | 1 | one   |
  | 2 | one   |
  | 3 | minus |
  | 4 | null  |
  | 5 | one   |
  | 6 | null  |
  | 7 | minus |
  | 8 | one   |
