-- Windows before 1970 begin at or before their rows, as all others do.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1d}

stream out:
  SELECT sum(n) AS sum, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n  | ts                          |
  | 1  | 1969-12-31T23:59:49.999999Z |
  | 2  | 1969-12-31T23:59:50Z        |
  | 4  | 1969-12-31T23:59:59.999999Z |
  | 8  | 1970-01-01T00:00:00Z        |
  | 16 | 1969-12-31T23:59:40Z        |
  | 32 | 1970-01-01T00:00:09.999999Z |

rows out:
  | sum | window_start         | window_end           |
  | 17  | 1969-12-31T23:59:40Z | 1969-12-31T23:59:50Z |
  | 40  | 1970-01-01T00:00:00Z | 1970-01-01T00:00:10Z |
  | 6   | 1969-12-31T23:59:50Z | 1970-01-01T00:00:00Z |
