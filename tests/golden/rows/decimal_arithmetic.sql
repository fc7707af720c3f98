-- Sums, differences and products of decimals are exact.

source t: a Decimal(10,2), b Decimal(8,4)

stream out:
  SELECT a, b, a + b AS sum, a - b AS less, a * b AS product, -a AS opposite, a > b AS more, a + 1 AS next, a * 2 AS twice FROM t

input t:
  | a            | b         |
  | 0.10         | 0.2000    |
  | 99999999.99  | 9999.9999 |
  | -99999999.99 | 0.0001    |
  | 1            | null      |
  | 0            | -0.0001   |

rows out:
  | a            | b         | sum            | less           | product             | opposite     | more  | next         | twice         |
  | -99999999.99 | 0.0001    | -99999999.9899 | -99999999.9901 | -9999.999999        | 99999999.99  | false | -99999998.99 | -199999999.98 |
  | 0.00         | -0.0001   | -0.0001        | 0.0001         | 0.000000            | 0.00         | true  | 1.00         | 0.00          |
  | 0.10         | 0.2000    | 0.3000         | -0.1000        | 0.020000            | -0.10        | false | 1.10         | 0.20          |
  | 1.00         | null      | null           | null           | null                | -1.00        | null  | 2.00         | 2.00          |
  | 99999999.99  | 9999.9999 | 100009999.9899 | 99989999.9901  | 999999989900.000001 | -99999999.99 | true  | 100000000.99 | 199999999.98  |
