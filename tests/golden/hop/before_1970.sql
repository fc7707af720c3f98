-- Windows are aligned to the epoch on both sides of it.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 10d}

stream out:
  SELECT sum(n) AS sum, window_start, window_end FROM HOP(t, ts, INTERVAL '6' HOUR, INTERVAL '12' HOUR) GROUP BY window_start, window_end

input t:
  | n | ts                          |
  | 1 | 1969-12-31T23:59:59.999999Z |
  | 2 | 1970-01-01T00:00:00Z        |
  | 4 | 1969-12-31T05:00:00Z        |

rows out:
  | sum | window_start         | window_end           |
  | 1   | 1969-12-31T12:00:00Z | 1970-01-01T00:00:00Z |
  | 2   | 1970-01-01T00:00:00Z | 1970-01-01T12:00:00Z |
  | 3   | 1969-12-31T18:00:00Z | 1970-01-01T06:00:00Z |
  | 4   | 1969-12-30T18:00:00Z | 1969-12-31T06:00:00Z |
  | 4   | 1969-12-31T00:00:00Z | 1969-12-31T12:00:00Z |
