-- What is written in another way and loses nothing is read: numbers as text, text as numbers, times in many spellings.

source t: id Int64, s String, b Boolean, i Int32, f Float64, d Decimal(12,2), ts Timestamp

stream out:
  SELECT * FROM t

input t:
  {"id": 1, "s": 12, "b": "true", "i": "7", "f": "0.25", "d": "1.5", "ts": "2024-03-10 12:00:00"}
  {"id": 2, "s": true, "b": "false", "i": 7.0, "f": 1, "d": 1.50, "ts": "2024-03-10T13:00:00+01:00"}
  {"id": 3, "s": 1.5, "b": true, "i": 7e0, "f": -0.5, "d": 1.500, "ts": 1710072000}
  {"id": 4, "s": "x", "b": false, "i": -7, "f": 1e3, "d": 15e-1, "ts": 1710072000123}
  {"id": 5, "s": "y", "b": false, "i": 70e-1, "f": 0.1, "d": -1.5, "ts": "1710072000.5"}
  {"id": 6, "s": "\u00fc\n\"", "b": false, "i": 0, "f": 0, "d": 0, "ts": "2024-03-10T12:00:00.000001Z"}

rows out:
  | id | s       | b     | i  | f      | d     | ts                          |
  | 1  | 12      | true  | 7  | 0.25   | 1.50  | 2024-03-10T12:00:00Z        |
  | 2  | true    | false | 7  | 1.0    | 1.50  | 2024-03-10T12:00:00Z        |
  | 3  | 1.5     | true  | 7  | -0.5   | 1.50  | 2024-03-10T12:00:00Z        |
  | 4  | x       | false | -7 | 1000.0 | 1.50  | 2024-03-10T12:00:00.123000Z |
  | 5  | y       | false | 7  | 0.1    | -1.50 | 2024-03-10T12:00:00.500000Z |
  | 6  | "ü\n\"" | false | 0  | 0.0    | 0.00  | 2024-03-10T12:00:00.000001Z |
