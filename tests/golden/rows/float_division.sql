-- Floats divided by zero are infinite; that does not fail. (In DuckDB it does: it divides by next to nothing here.)

source t: id Int64, x Float64, y Float64

stream out:
  SELECT id, x / y > 1e30 AS large, x / y < -1e30 AS small, x * y AS product FROM t

batch out:
  SELECT id, x / y > 1e30 AS large, x / y < -1e30 AS small, x * z AS product FROM (SELECT id, x, CASE WHEN y = 0 THEN 1e-300::DOUBLE ELSE y END AS y, y AS z FROM t) AS r

input t:
  | id | x     | y     |
  | 1  | 1     | 0     |
  | 2  | -1    | 0     |
  | 3  | 1     | 4     |
  | 4  | 1e200 | 1e200 |
  | 5  | null  | 0     |

rows out:
  | id | large | small | product |
  | 1  | true  | false | 0.0     |
  | 2  | false | true  | -0.0    |
  | 3  | false | false | 4.0     |
  | 4  | false | false | inf     |
  | 5  | null  | null  | null    |
