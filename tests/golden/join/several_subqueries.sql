-- Joins of what is filtered and renamed before.

source t: n Int64, k String, p Int64, ts Timestamp

source c: k String, name String, city Int64
  table: {primaryKey: [k]}

source d: p Int64, title String, price Decimal(10,2)
  table: {primaryKey: [p]}

stream of_some:
  SELECT r.m, c.name, d.title FROM (SELECT n * 10 AS m, k, p FROM t WHERE n < 6) r JOIN c ON r.k = c.k LEFT JOIN d ON r.p = d.p

stream with_query:
  WITH r AS (SELECT t.n, c.city FROM t JOIN c ON t.k = c.k) SELECT r.n, d.title FROM r JOIN d ON r.city = d.p

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

rows of_some:
  | m  | name | title |
  | 10 | ann  | one   |
  | 20 | ann  | minus |
  | 30 | bob  | null  |
  | 40 | null | null  |

rows with_query:
  | n | title |
  | 1 | one   |
  | 2 | one   |
  | 3 | minus |
  | 7 | minus |
