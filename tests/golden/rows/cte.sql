-- WITH and a subquery in FROM say the same as one query.

source t: id Int64, n Int64

stream with_cte:
  WITH big AS (SELECT id, n * 2 AS twice FROM t WHERE n > 1), named AS (SELECT id, twice FROM big)
  SELECT id, twice + 1 AS result FROM named WHERE twice < 10

stream with_subquery:
  SELECT id, twice + 1 AS result FROM (SELECT id, n * 2 AS twice FROM t WHERE n > 1) AS big WHERE twice < 10

input t:
  | id | n    |
  | 1  | 1    |
  | 2  | 2    |
  | 3  | 4    |
  | 4  | 5    |
  | 5  | null |

rows with_cte:
  | id | result |
  | 2  | 5      |
  | 3  | 9      |

rows with_subquery:
  | id | result |
  | 2  | 5      |
  | 3  | 9      |
