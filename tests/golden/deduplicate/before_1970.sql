-- Times before 1970, around a leap day, and keys of all types.

source t: d Decimal(10,2), x Float64, day Date, ok Boolean, num Int32, ts Timestamp
  eventTime: {column: ts}
  deduplicate: {key: [d, x, day, ok, num], within: 2h}

stream out:
  SELECT d, x, day, ok, num, ts FROM t

input t:
  | d    | x   | day        | ok    | num | ts                   |
  | 1.50 | 0.5 | 1968-02-29 | true  | 1   | 1968-02-29T22:00:00Z |
  | 1.5  | 0.5 | 1968-02-29 | true  | 1   | 1968-03-01T00:00:00Z | -- Dropped
  | 1.51 | 0.5 | 1968-02-29 | true  | 1   | 1968-03-01T00:00:00Z |
  | 1.50 | 0.5 | 1968-02-29 | false | 1   | 1968-03-01T00:00:00Z |
  | 1.50 | 0.5 | 1968-02-29 | true  | 1   | 1968-03-01T00:00:01Z |

rows out:
  | d    | x   | day        | ok    | num | ts                   |
  | 1.50 | 0.5 | 1968-02-29 | false | 1   | 1968-03-01T00:00:00Z |
  | 1.50 | 0.5 | 1968-02-29 | true  | 1   | 1968-02-29T22:00:00Z |
  | 1.50 | 0.5 | 1968-02-29 | true  | 1   | 1968-03-01T00:00:01Z |
  | 1.51 | 0.5 | 1968-02-29 | true  | 1   | 1968-03-01T00:00:00Z |
