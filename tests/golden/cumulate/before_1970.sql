-- Cycles are aligned to the epoch on both sides of it.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 10d}

stream out:
  SELECT sum(n) AS sum, window_start, window_end FROM CUMULATE(t, ts, INTERVAL '8' HOUR, INTERVAL '1' DAY) GROUP BY window_start, window_end

input t:
  | n | ts                          |
  | 1 | 1969-12-31T23:59:59.999999Z |
  | 2 | 1970-01-01T00:00:00Z        |
  | 4 | 1969-12-31T07:59:59Z        |

rows out:
  | sum | window_start         | window_end           |
  | 2   | 1970-01-01T00:00:00Z | 1970-01-01T08:00:00Z |
  | 2   | 1970-01-01T00:00:00Z | 1970-01-01T16:00:00Z |
  | 2   | 1970-01-01T00:00:00Z | 1970-01-02T00:00:00Z |
  | 4   | 1969-12-31T00:00:00Z | 1969-12-31T08:00:00Z |
  | 4   | 1969-12-31T00:00:00Z | 1969-12-31T16:00:00Z |
  | 5   | 1969-12-31T00:00:00Z | 1970-01-01T00:00:00Z |
