-- Numbers of different types are compared and added as numbers; a decimal next to a float is a float.

source t: i Int32, l Int64, d Decimal(10,2), f Float64

stream out:
  SELECT i, l, d, f, i = l AS whole, l = d AS exact, d = f AS near, i + l AS sum, l + d AS cents, d + f AS float, i < 1.5 AS less FROM t

input t:
  | i    | l                | d           | f    |
  | 1    | 1                | 1.00        | 1    |
  | 2    | 3                | 3.01        | 3.01 |
  | -1   | 9007199254740993 | 99999999.99 | 0.5  |
  | null | 1                | null        | 2    |

rows out:
  | i    | l                | d           | f    | whole | exact | near  | sum              | cents               | float        | less  |
  | -1   | 9007199254740993 | 99999999.99 | 0.5  | false | false | false | 9007199254740992 | 9007199354740992.99 | 100000000.49 | true  |
  | 1    | 1                | 1.00        | 1.0  | true  | true  | true  | 2                | 2.00                | 2.0          | true  |
  | 2    | 3                | 3.01        | 3.01 | false | false | true  | 5                | 6.01                | 6.02         | false |
  | null | 1                | null        | 2.0  | null  | null  | null  | null             | null                | null         | null  |
