-- Floats in a condition: 0.0 and -0.0 are equal.

source t: n Int64, k String, amount Decimal(38,2), x Float64, ts Timestamp

source c: k String, least Decimal(38,2), most Float64, since Timestamp, day Date, ok Boolean, note String
  table: {primaryKey: [k]}

stream at_most:
  SELECT t.n, c.most FROM t LEFT JOIN c ON t.k = c.k AND t.x <= c.most

stream equal_too:
  SELECT t.n FROM t JOIN c ON t.k = c.k AND t.x = c.most

input c:
  | k | least                                   | most | since                | day        | ok    | note |
  | a | 999999999999999999999999999999999999.99 | 1.5  | 2024-02-29T00:00:00Z | 2024-02-29 | true  | a%   |
  | b | -0.01                                   | -0.0 | 1969-12-31T23:59:59Z | 1969-12-31 | false | b    |
  | c |                                         |      |                      |            |       |      |

input t:
  | n | k | amount                                   | x    | ts                        |
  | 1 | a | 999999999999999999999999999999999999.99  | 1.5  | 2024-02-29T00:00:00Z      |
  | 2 | a | 999999999999999999999999999999999999.98  | 1.6  | 2024-02-28T23:59:59Z      |
  | 3 | b | 0.00                                     | 0    | 1970-01-01T00:00:00Z      |
  | 4 | b | -999999999999999999999999999999999999.99 | -1   | 2024-03-31T03:30:00+02:00 |
  | 5 | c | 1.00                                     | 1    | 2024-01-01T00:00:00Z      |
  | 6 | a |                                          |      |                           |
  | 7 | z | 1.00                                     | 1    | 2024-01-01T00:00:00Z      |
  | 8 |   | 1.00                                     | 1    | 2024-01-01T00:00:00Z      |

rows at_most:
  | n | most |
  | 1 | 1.5  |
  | 2 | null |
  | 3 | -0.0 |
  | 4 | -0.0 |
  | 5 | null |
  | 6 | null |
  | 7 | null |
  | 8 | null |

rows equal_too:
  | n |
  | 1 |
  | 3 |
