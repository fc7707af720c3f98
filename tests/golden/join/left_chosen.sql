-- What a LEFT JOIN has not found can be replaced.

source t: n Int64, k String, amount Decimal(38,2), x Float64, ts Timestamp

source c: k String, least Decimal(38,2), most Float64, since Timestamp, day Date, ok Boolean, note String
  table: {primaryKey: [k]}

stream filled:
  SELECT t.n, coalesce(c.note, 'none') AS note, CASE WHEN c.k IS NULL THEN -1 ELSE t.n END AS which FROM t LEFT JOIN c ON t.k = c.k

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

rows filled:
  | n | note | which |
  | 1 | a%   | 1     |
  | 2 | a%   | 2     |
  | 3 | b    | 3     |
  | 4 | b    | 4     |
  | 5 | none | 5     |
  | 6 | a%   | 6     |
  | 7 | none | -1    |
  | 8 | none | -1    |
