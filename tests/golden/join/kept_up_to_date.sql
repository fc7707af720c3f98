-- What is joined can be grouped without a window: one row per key of the table, kept up to date.

source t: k String, n Int64
  partitionedBy: [k]

source c: k String, city String
  table: {primaryKey: [k]}

stream out:
  SELECT c.city, count(*) AS rows, sum(t.n) AS sum, count(DISTINCT t.k) AS keys FROM t JOIN c ON t.k = c.k GROUP BY c.city HAVING sum(t.n) > 2

input c:
  | k | city |
  | a | Ulm  |
  | b | Ulm  |
  | c | Bonn |
  | d |      |

input t:
  | # | k | n |
  | 0 | a | 1 |
  | 1 | b | 2 |
  | 0 | c | 1 |
  | 1 | d | 3 |
  | 1 | x | 9 |
  | 0 | a | 4 |
  | 0 | c |   |

rows out:
  | city | rows | sum | keys |
  | Ulm  | 3    | 7   | 2    |
  | null | 1    | 3   | 1    |
