-- Keys may be of any type; 1.0 and 1.00 are one, and so are zero and minus zero.

source t: b Boolean, i Int32, d Decimal(8,2), f Float64, day Date, moment Timestamp, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT b, i, d, f, day, moment, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY b, i, d, f, day, moment, window_start, window_end

input t:
  | b     | i    | d    | f    | day        | moment                    | n | ts                   |
  | true  | 1    | 1.0  | 0.5  | 2024-02-29 | 2024-02-29T00:00:00Z      | 1 | 2024-01-01T00:00:00Z |
  | true  | 1    | 1.00 | 0.50 | 2024-02-29 | 2024-02-29T01:00:00+01:00 | 2 | 2024-01-01T00:00:01Z |
  | false | 1    | 1    | 0.5  | 2024-02-29 | 2024-02-29T00:00:00Z      | 3 | 2024-01-01T00:00:02Z |
  | null  | null | null | null | null       | null                      | 4 | 2024-01-01T00:00:03Z |
  | null  | null | null | null | null       | null                      | 5 | 2024-01-01T00:00:04Z |

rows out:
  | b     | i    | d    | f    | day        | moment               | sum | window_start         |
  | false | 1    | 1.00 | 0.5  | 2024-02-29 | 2024-02-29T00:00:00Z | 3   | 2024-01-01T00:00:00Z |
  | null  | null | null | null | null       | null                 | 9   | 2024-01-01T00:00:00Z |
  | true  | 1    | 1.00 | 0.5  | 2024-02-29 | 2024-02-29T00:00:00Z | 3   | 2024-01-01T00:00:00Z |
