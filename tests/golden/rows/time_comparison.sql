-- Times are compared as moments, and with dates as midnights.

source t: id Int64, ts Timestamp, day Date

stream out:
  SELECT id, ts < TIMESTAMP '2024-03-01 00:00:00' AS before, ts >= DATE '2024-02-29' AS since, CAST(ts AS DATE) = day AS same_day, ts > day AS after_midnight FROM t

input t:
  | id | ts                          | day        |
  | 1  | 2024-02-29T23:59:59.999999Z | 2024-02-29 |
  | 2  | 2024-03-01T00:30:00+01:00   | 2024-03-01 |
  | 3  | 2024-02-29T00:00:00Z        | 2024-02-29 |
  | 4  | 1969-12-31T23:00:00Z        | 1969-12-31 |
  | 5  | null                        | 2024-01-01 |

rows out:
  | id | before | since | same_day | after_midnight |
  | 1  | true   | true  | true     | true           |
  | 2  | true   | true  | false    | false          |
  | 3  | true   | true  | true     | false          |
  | 4  | true   | false | true     | true           |
  | 5  | null   | null  | null     | null           |
