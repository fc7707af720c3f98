-- A source with itself: each row twice.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream twice:
  SELECT k, n FROM a UNION ALL SELECT k, n FROM a

stream sums:
  SELECT k, sum(n) AS sum, count(*) AS rows FROM twice GROUP BY k

input a:
  | # | k    | n    | ts                   |
  | 0 | x    | 1    | 2024-02-29T00:00:01Z |
  | 1 | y    | 2    | 2024-02-29T00:00:03Z |
  | 0 | x    | 4    | 2024-02-29T00:00:12Z |
  | 1 | null | 8    | 2024-02-29T00:00:14Z |
  | 0 | x    | null | 2024-02-29T00:00:31Z |
  | 1 | y    | 16   | 2024-02-29T00:01:02Z |

rows twice:
  | k    | n    |
  | null | 8    |
  | null | 8    |
  | x    | 1    |
  | x    | 1    |
  | x    | 4    |
  | x    | 4    |
  | x    | null |
  | x    | null |
  | y    | 16   |
  | y    | 16   |
  | y    | 2    |
  | y    | 2    |

rows sums:
  | k    | sum | rows |
  | null | 16  | 2    |
  | x    | 10  | 6    |
  | y    | 36  | 4    |
