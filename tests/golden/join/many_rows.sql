-- Rows that come and go under one value, with many others under it: those that are left are found.

source t: n Int64, city String

source c: k Int64, city String
  table: {primaryKey: [k]}

stream out:
  SELECT t.n, count(*) AS people, min(c.k) AS first, max(c.k) AS last FROM t JOIN c ON t.city = c.city GROUP BY t.n

input c:
  | @key | k | city |
  | 1    | 1 | Ulm  |
  | 2    | 2 | Ulm  |
  | 3    | 3 | Bonn |
  | 4    | 4 | Ulm  |
  | 5    | 5 | Ulm  |
  | 2    |   |      |
  | 4    | 4 | Bonn |
  | 1    | 1 | Bonn |
  | 1    | 1 | Ulm  |
  | 6    | 6 | Ulm  |
  | 6    |   |      |
  | 2    | 2 | Ulm  |
  | 5    |   |      |
  | 7    | 7 | Kiel |
  | 7    |   |      |

input t:
  | n | city |
  | 1 | Ulm  |
  | 2 | Bonn |
  | 3 | Kiel |

rows out:
  | n | people | first | last |
  | 1 | 2      | 1     | 2    |
  | 2 | 2      | 3     | 4    |
