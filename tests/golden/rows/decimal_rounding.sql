-- round, floor and ceil of decimals; halves go away from zero, in a CAST to fewer digits too. A CAST to
-- a whole number cuts off. (DuckDB rounds there.)

source t: d Decimal(10,4)

stream out:
  SELECT d, round(d, 2) AS cents, round(d) AS whole, floor(d) AS down, ceil(d) AS up, CAST(d AS DECIMAL(8,1)) AS tenths, CAST(d AS BIGINT) AS number, abs(d) AS size FROM t

batch out:
  SELECT d, round(d, 2) AS cents, round(d) AS whole, floor(d) AS down, ceil(d) AS up, CAST(d AS DECIMAL(8,1)) AS tenths, CAST(trunc(d) AS BIGINT) AS number, abs(d) AS size FROM t

input t:
  | d           |
  | 1.2350      |
  | -1.2350     |
  | 2.5000      |
  | -2.5000     |
  | 0.0050      |
  | 1.0500      |
  | 123456.7891 |
  | null        |


rows out:
  | d           | cents     | whole  | down   | up     | tenths   | number | size        |
  | -1.2350     | -1.24     | -1     | -2     | -1     | -1.2     | -1     | 1.2350      |
  | -2.5000     | -2.50     | -3     | -3     | -2     | -2.5     | -2     | 2.5000      |
  | 0.0050      | 0.01      | 0      | 0      | 1      | 0.0      | 0      | 0.0050      |
  | 1.0500      | 1.05      | 1      | 1      | 2      | 1.1      | 1      | 1.0500      |
  | 1.2350      | 1.24      | 1      | 1      | 2      | 1.2      | 1      | 1.2350      |
  | 123456.7891 | 123456.79 | 123457 | 123456 | 123457 | 123456.8 | 123456 | 123456.7891 |
  | 2.5000      | 2.50      | 3      | 2      | 3      | 2.5      | 2      | 2.5000      |
  | null        | null      | null   | null   | null   | null     | null   | null        |
