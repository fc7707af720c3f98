-- Sessions are aligned to nothing: before the epoch, across it, and over the end of February.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 10d}

stream out:
  SELECT sum(n) AS sum, window_start, window_end FROM SESSION(t, ts, INTERVAL '1' DAY) GROUP BY window_start, window_end

input t:
  | n | ts                          |
  | 1 | 1969-12-31T12:00:00Z        |
  | 2 | 1970-01-01T11:59:59.999999Z |
  | 4 | 2024-02-28T12:00:00Z        |
  | 8 | 2024-02-29T12:00:00Z        |

rows out:
  | sum | window_start         | window_end                  |
  | 12  | 2024-02-28T12:00:00Z | 2024-03-01T12:00:00Z        |
  | 3   | 1969-12-31T12:00:00Z | 1970-01-02T11:59:59.999999Z |
