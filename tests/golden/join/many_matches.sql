-- One row that finds many: it comes once with each, and a LEFT JOIN whose condition no pair meets gives it once.

source t: n Int64, k String, least Int64

source p: id Int64, k String
  table: {primaryKey: [id]}

stream all_of_them:
  SELECT t.n, p.id FROM t JOIN p ON t.k = p.k

stream outer_join:
  SELECT t.n, p.id FROM t LEFT JOIN p ON t.k = p.k AND p.id >= t.least

stream in_all:
  SELECT t.n, count(p.id) AS pairs, sum(p.id) AS ids FROM t LEFT JOIN p ON t.k = p.k GROUP BY t.n

input p:
  | id | k |
  | 1  | a |
  | 2  | a |
  | 3  | a |
  | 4  | a |
  | 5  | a |
  | 6  | a |
  | 7  | a |
  | 8  | a |
  | 9  | b |
  | -1 | b |
  | 11 |   |

input t:
  | n | k | least |
  | 1 | a | 7     |
  | 2 | a | 100   |
  | 3 | b | 0     |
  | 4 | c | 0     |
  | 5 |   | 0     |
  | 6 | b | 9     |

rows all_of_them:
  | n | id |
  | 1 | 1  |
  | 1 | 2  |
  | 1 | 3  |
  | 1 | 4  |
  | 1 | 5  |
  | 1 | 6  |
  | 1 | 7  |
  | 1 | 8  |
  | 2 | 1  |
  | 2 | 2  |
  | 2 | 3  |
  | 2 | 4  |
  | 2 | 5  |
  | 2 | 6  |
  | 2 | 7  |
  | 2 | 8  |
  | 3 | -1 |
  | 3 | 9  |
  | 6 | -1 |
  | 6 | 9  |

rows outer_join:
  | n | id   |
  | 1 | 7    |
  | 1 | 8    |
  | 2 | null |
  | 3 | 9    |
  | 4 | null |
  | 5 | null |
  | 6 | 9    |

rows in_all:
  | n | pairs | ids  |
  | 1 | 8     | 36   |
  | 2 | 8     | 36   |
  | 3 | 2     | 8    |
  | 4 | 0     | null |
  | 5 | 0     | null |
  | 6 | 2     | 8    |
