-- A field that is null and one that is not there are both null, in every type.

source t: id Int64, s String, b Boolean, i Int32, l Int64, f Float64, d Decimal(12,2), day Date, ts Timestamp

stream out:
  SELECT id, s, b, i, l, f, d, day, ts, s IS NULL AS none, i IS NOT NULL AS some FROM t

input t:
  | id | s      | b    | i    | l    | f    | d    | day        | ts                   |
  | 1  | null   | null | null | null | null | null | null       | null                 |
  | 2  |        |      |      |      |      |      |            |                      |
  | 3  | "null" | true | 0    | 0    | 0    | 0    | 1970-01-01 | 1970-01-01T00:00:00Z |

rows out:
  | id | s      | b    | i    | l    | f    | d    | day        | ts                   | none  | some  |
  | 1  | null   | null | null | null | null | null | null       | null                 | true  | false |
  | 2  | null   | null | null | null | null | null | null       | null                 | true  | false |
  | 3  | "null" | true | 0    | 0    | 0.0  | 0.00 | 1970-01-01 | 1970-01-01T00:00:00Z | false | true  |
