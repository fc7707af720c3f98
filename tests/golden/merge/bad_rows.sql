-- A record that cannot be read changes nothing.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream out:
  SELECT a.k, a.n, b.ok FROM a LEFT JOIN b ON a.k = b.k

input a:
  {"k": "x", "n": 1}
  {"k": "x", "n": "many"} -- WrongType
  {"n": 2} -- MissingRequired
  {"k": "y", "n": -9223372036854775808}

input b:
  {"k": "x", "ok": true}
  {"k": "y", "ok": 5} -- WrongType
  {"k": "x", "ok": "perhaps"} -- WrongType

rows out:
  | k | n                    | ok   |
  | x | 1                    | true |
  | y | -9223372036854775808 | null |
