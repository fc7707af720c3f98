-- What two tables say of a row is grouped.

source t: n Int64, k String, p Int64, ts Timestamp

source c: k String, name String, city Int64
  table: {primaryKey: [k]}

source d: p Int64, title String, price Decimal(10,2)
  table: {primaryKey: [p]}

stream by_name:
  SELECT c.name, sum(d.price) AS price, count(*) AS n FROM t LEFT JOIN c ON t.k = c.k LEFT JOIN d ON t.p = d.p GROUP BY c.name

stream by_title:
  SELECT d.title, count(c.name) AS names FROM t JOIN d ON t.p = d.p LEFT JOIN c ON t.k = c.k GROUP BY d.title

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

rows by_name:
  | name | price | n |
  | ann  | -1.50 | 2 |
  | bob  | null  | 2 |
  | null | 2.00  | 4 |

rows by_title:
  | title | names |
  | minus | 1     |
  | null  | 0     |
  | one   | 1     |
