-- Times before 1970, and rows whose time is null: those have no place.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1h}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, window_start, window_end, window_time FROM COUNT_WINDOW(t, 2)
  GROUP BY k, window_start, window_end, window_time

input t:
  | k | n  | ts                          |
  | a | -1 | 1969-12-31T23:59:59.999999Z |
  | a | 2  | 1969-12-31T23:59:59Z        |
  | a | 4  |                             | -- MissingRequired
  | a | -8 | 1970-01-01T00:00:00Z        |
  | b | 16 | 1969-12-31T23:59:00Z        |
  | a | 32 | 1970-01-01T00:00:00.000001Z |

rows out:
  | k | sum | window_start         | window_end                  | window_time                 |
  | a | 1   | 1969-12-31T23:59:59Z | 1970-01-01T00:00:00Z        | 1969-12-31T23:59:59.999999Z |
  | a | 24  | 1970-01-01T00:00:00Z | 1970-01-01T00:00:00.000002Z | 1970-01-01T00:00:00.000001Z |
