-- OR, NOT and IS NULL: what is neither true nor false is not true.

source t: n Int64, k String, amount Decimal(38,2), x Float64, ts Timestamp

source c: k String, least Decimal(38,2), most Float64, since Timestamp, day Date, ok Boolean, note String
  table: {primaryKey: [k]}

stream either:
  SELECT t.n, c.k FROM t LEFT JOIN c ON t.k = c.k AND (t.x > c.most OR c.most IS NULL)

stream negated:
  SELECT t.n, c.k FROM t LEFT JOIN c ON t.k = c.k AND NOT (t.amount >= c.least)

stream nowhere:
  SELECT t.n, c.k FROM t LEFT JOIN c ON t.k = c.k AND c.least IS NULL

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

rows either:
  | n | k    |
  | 1 | null |
  | 2 | a    |
  | 3 | null |
  | 4 | null |
  | 5 | c    |
  | 6 | null |
  | 7 | null |
  | 8 | null |

rows negated:
  | n | k    |
  | 1 | null |
  | 2 | a    |
  | 3 | null |
  | 4 | b    |
  | 5 | null |
  | 6 | null |
  | 7 | null |
  | 8 | null |

rows nowhere:
  | n | k    |
  | 1 | null |
  | 2 | null |
  | 3 | null |
  | 4 | null |
  | 5 | c    |
  | 6 | null |
  | 7 | null |
  | 8 | null |
