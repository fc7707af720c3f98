-- Whole numbers: a quotient is cut off towards zero, a remainder has the sign of the dividend.

source t: n Int64, m Int32

stream out:
  SELECT n, m, n + m AS sum, n - m AS less, n * m AS product, n / m AS quotient, n % m AS rest, -n AS opposite, abs(m) AS size FROM t

input t:
  | n                   | m    |
  | 7                   | 2    |
  | -7                  | 2    |
  | 7                   | -2   |
  | -7                  | -2   |
  | 0                   | 5    |
  | 9223372036854775806 | 1    |
  | null                | 3    |
  | 3                   | null |

rows out:
  | n                   | m    | sum                 | less                | product             | quotient            | rest | opposite             | size |
  | -7                  | -2   | -9                  | -5                  | 14                  | 3                   | -1   | 7                    | 2    |
  | -7                  | 2    | -5                  | -9                  | -14                 | -3                  | -1   | 7                    | 2    |
  | 0                   | 5    | 5                   | -5                  | 0                   | 0                   | 0    | 0                    | 5    |
  | 3                   | null | null                | null                | null                | null                | null | -3                   | null |
  | 7                   | -2   | 5                   | 9                   | -14                 | -3                  | 1    | -7                   | 2    |
  | 7                   | 2    | 9                   | 5                   | 14                  | 3                   | 1    | -7                   | 2    |
  | 9223372036854775806 | 1    | 9223372036854775807 | 9223372036854775805 | 9223372036854775806 | 9223372036854775806 | 0    | -9223372036854775806 | 1    |
  | null                | 3    | null                | null                | null                | null                | null | null                 | 3    |
