-- Columns of different types get one that holds both; names are those of the first side.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source c: n Int32, d Decimal(6,2)

stream together:
  SELECT k AS name, n AS amount FROM a UNION ALL SELECT n, d FROM c

stream sums:
  SELECT name, sum(amount) AS sum FROM together GROUP BY name

input a:
  | # | k    | n    | ts                   |
  | 0 | x    | 1    | 2024-02-29T00:00:01Z |
  | 1 | y    | 2    | 2024-02-29T00:00:03Z |
  | 0 | x    | 4    | 2024-02-29T00:00:12Z |
  | 1 | null | 8    | 2024-02-29T00:00:14Z |
  | 0 | x    | null | 2024-02-29T00:00:31Z |
  | 1 | y    | 16   | 2024-02-29T00:01:02Z |

input c:
  | n    | d    |
  | 1    | 1.25 |
  | null | 2.50 |
  | 1    | null |

rows together:
  | name | amount |
  | 1    | 1.25   |
  | 1    | null   |
  | null | 2.50   |
  | null | 8.00   |
  | x    | 1.00   |
  | x    | 4.00   |
  | x    | null   |
  | y    | 16.00  |
  | y    | 2.00   |

rows sums:
  | name | sum   |
  | 1    | 1.25  |
  | null | 10.50 |
  | x    | 5.00  |
  | y    | 18.00 |
