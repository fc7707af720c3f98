-- CAST between types, where nothing fails.

source t: s String, n Int64, f Float64, b Boolean, day Date, ts Timestamp

stream out:
  SELECT CAST(s AS BIGINT) AS number, CAST(s AS DECIMAL(8,2)) AS decimal, CAST(n AS VARCHAR) AS text, CAST(n AS DOUBLE) AS float, CAST(n AS DECIMAL(10,3)) AS exact,
         CAST(b AS INT) AS bit, CAST(day AS VARCHAR) AS date_text, CAST(day AS TIMESTAMP) AS midnight, CAST(ts AS DATE) AS day
  FROM t

input t:
  | s    | n    | f    | b     | day        | ts                   |
  | "12" | 5    | 2.5  | true  | 2024-02-29 | 2024-02-29T23:59:59Z |
  | "-7" | -5   | -2.5 | false | 1969-12-31 | 1969-12-31T23:59:59Z |
  | null | null | null | null  | null       | null                 |

rows out:
  | number | decimal | text | float | exact  | bit  | date_text  | midnight             | day        |
  | -7     | -7.00   | -5   | -5.0  | -5.000 | 0    | 1969-12-31 | 1969-12-31T00:00:00Z | 1969-12-31 |
  | 12     | 12.00   | 5    | 5.0   | 5.000  | 1    | 2024-02-29 | 2024-02-29T00:00:00Z | 2024-02-29 |
  | null   | null    | null | null  | null   | null | null       | null                 | null       |
