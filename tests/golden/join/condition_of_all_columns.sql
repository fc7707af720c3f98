-- A condition may be about the row and both tables.

source t: n Int64, k String, p Int64, ts Timestamp

source c: k String, name String, city Int64
  table: {primaryKey: [k]}

source d: p Int64, title String, price Decimal(10,2)
  table: {primaryKey: [p]}

stream across:
  SELECT t.n, c.name, d.title FROM t LEFT JOIN c ON t.k = c.k LEFT JOIN d ON t.p = d.p AND c.city = d.p

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

rows across:
  | n | name | title |
  | 1 | ann  | one   |
  | 2 | ann  | null  |
  | 3 | bob  | null  |
  | 4 | null | null  |
  | 5 | null | null  |
  | 6 | null | null  |
  | 7 | bob  | null  |
  | 8 | null | null  |
