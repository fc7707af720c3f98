-- The rows that are joined may come from a subquery, a CTE or another stream; USING names a column once.

source t: k String, n Int64

source c: k String, name String
  table: {primaryKey: [k]}

stream of_using:
  SELECT k, n, name FROM t LEFT JOIN c USING (k)

stream of_a_subquery:
  SELECT x.twice, c.name FROM (SELECT k, n * 2 AS twice FROM t WHERE n > 1) x JOIN c ON x.k = c.k

stream of_a_cte:
  WITH x AS (SELECT upper(k) AS big, n FROM t)
  SELECT x.n, c.k FROM x JOIN c ON x.big = c.name

stream big:
  SELECT k AS key, n FROM t WHERE n >= 3

stream of_a_stream:
  SELECT b.n, c.name FROM big b LEFT JOIN c ON b.key = c.k WHERE c.name IS DISTINCT FROM 'A'

input c:
  | k | name |
  | a | A    |
  | b | B    |

input t:
  | k | n |
  | a | 1 |
  | a | 2 |
  | b | 3 |
  | x | 4 |
  | a | 5 |

rows of_using:
  | k | n | name |
  | a | 1 | A    |
  | a | 2 | A    |
  | b | 3 | B    |
  | x | 4 | null |
  | a | 5 | A    |

rows of_a_subquery:
  | twice | name |
  | 4     | A    |
  | 6     | B    |
  | 10    | A    |

rows of_a_cte:
  | n | k |
  | 1 | a |
  | 2 | a |
  | 3 | b |
  | 5 | a |

rows big:
  | key | n |
  | b   | 3 |
  | x   | 4 |
  | a   | 5 |

rows of_a_stream:
  | n | name |
  | 3 | B    |
  | 4 | null |
