-- Floats: roots, powers and logarithms, and what is no number.

source t: x Float64

stream out:
  SELECT x, x * 2 AS twice, x / 4 AS quarter, sqrt(abs(x)) AS root, power(x, 2) AS square, round(x, 1) AS tenths, floor(x) AS down, x > 0.1 AS more FROM t

input t:
  | x         |
  | 0.1       |
  | -2.25     |
  | 1e10      |
  | 0         |
  | 1234.5678 |
  | null      |

rows out:
  | x             | twice         | quarter      | root                | square               | tenths        | down          | more  |
  | -2.25         | -4.5          | -0.5625      | 1.5                 | 5.0625               | -2.3          | -3.0          | false |
  | 0.0           | 0.0           | 0.0          | 0.0                 | 0.0                  | 0.0           | 0.0           | false |
  | 0.1           | 0.2           | 0.025        | 0.31622776601683794 | 0.010000000000000002 | 0.1           | 0.0           | false |
  | 10000000000.0 | 20000000000.0 | 2500000000.0 | 100000.0            | 1e+20                | 10000000000.0 | 10000000000.0 | true  |
  | 1234.5678     | 2469.1356     | 308.64195    | 35.13641700572214   | 1524157.65279684     | 1234.6        | 1234.0        | true  |
  | null          | null          | null         | null                | null                 | null          | null          | null  |
