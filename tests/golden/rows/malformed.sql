-- A record that cannot be read is a dead letter; those before and after it do not notice.

source t: id Int64 required, n Int32, d Decimal(4,2), day Date, ts Timestamp, flag Boolean

stream out:
  SELECT * FROM t

input t:
  {"id": 1}
  {"id":   -- MalformedJson
  [1, 2]   -- NotAnObject
  "text"   -- NotAnObject
  {"id": null}   -- MissingRequired
  {"n": 1}   -- MissingRequired
  {"id": "x"}   -- WrongType
  {"id": 2, "n": 2147483648}   -- OutOfRange
  {"id": 3, "n": 1.5}   -- OutOfRange
  {"id": 4, "d": 100}   -- OutOfRange
  {"id": 5, "d": 1.005}   -- OutOfRange
  {"id": 6, "day": "2023-02-29"}   -- InvalidTimestamp
  {"id": 7, "ts": "yesterday"}   -- InvalidTimestamp
  {"id": 8, "ts": "2024-01-01T25:00:00Z"}   -- InvalidTimestamp
  {"id": 9, "flag": 1}   -- WrongType
  {"id": 10, "unknown": {"deep": [1, {"deeper": true}]}}
  {"id": 11}


rows out:
  | id | n    | d    | day  | ts   | flag |
  | 1  | null | null | null | null | null |
  | 10 | null | null | null | null | null |
  | 11 | null | null | null | null | null |
