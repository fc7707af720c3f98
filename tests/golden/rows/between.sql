-- BETWEEN takes both ends, for numbers, texts, dates and times.

source t: id Int64, n Decimal(6,2), s String, day Date, ts Timestamp

stream out:
  SELECT id, n BETWEEN 1 AND 2.5 AS number, s BETWEEN 'b' AND 'd' AS word,
         day BETWEEN DATE '2024-02-28' AND DATE '2024-03-01' AS leap,
         ts NOT BETWEEN TIMESTAMP '2024-01-01 00:00:00' AND TIMESTAMP '2024-01-01 00:00:01' AS outside
  FROM t

input t:
  | id | n    | s    | day        | ts                          |
  | 1  | 1    | b    | 2024-02-28 | 2024-01-01T00:00:00Z        |
  | 2  | 2.50 | d    | 2024-02-29 | 2024-01-01T00:00:01Z        |
  | 3  | 2.51 | da   | 2024-03-01 | 2024-01-01T00:00:01.000001Z |
  | 4  | 0.99 | azzz | 2024-03-02 | 2023-12-31T23:59:59.999999Z |
  | 5  | null | null | null       | null                        |

rows out:
  | id | number | word  | leap  | outside |
  | 1  | true   | true  | true  | false   |
  | 2  | true   | true  | true  | false   |
  | 3  | false  | false | true  | true    |
  | 4  | false  | false | false | true    |
  | 5  | null   | null  | null  | null    |
