-- A row that fails in one stream is missing in those after it, and there in those beside it.

source t: id Int64, n Int64

stream inverse:
  SELECT id, 12 / n AS share FROM t

stream count_of_shares:
  SELECT count(*) AS rows, sum(share) AS sum FROM inverse

stream count_of_all:
  SELECT count(*) AS rows FROM t

input t:
  | id | n |
  | 1  | 3 |
  | 2  | 0 | -- ExpressionFailed in inverse
  | 3  | 4 |

rows inverse:
  | id | share |
  | 1  | 4     |
  | 3  | 3     |

rows count_of_shares:
  | rows | sum |
  | 2    | 7   |

rows count_of_all:
  | rows |
  | 3    |
