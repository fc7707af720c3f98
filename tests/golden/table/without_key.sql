-- A grouping without a key has one row.

source t: n Int64, d Decimal(10,2)

stream out:
  SELECT count(*) AS rows, sum(n) AS sum, sum(d) AS total, min(n) AS least FROM t

input t:
  | # | n    | d           |
  | 0 | 1    | 0.10        |
  | 1 | 2    | 0.20        |
  | 0 | null | null        |
  | 2 | -7   | 99999999.99 |

rows out:
  | rows | sum | total        | least |
  | 4    | -4  | 100000000.29 | -7    |
