-- Days of UTC, whatever local clocks do; the week around the 29th of February.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 40d}

stream out:
  SELECT count(*) AS rows, sum(n) AS sum, window_start FROM HOP(t, ts, INTERVAL '1' DAY, INTERVAL '3' DAY) GROUP BY window_start, window_end

input t:
  | n | ts                            |
  | 1 | 2024-02-28T23:00:00-05:00     |
  | 2 | 2024-02-29T12:00:00Z          |
  | 4 | 2024-03-01T00:00:00Z          |
  | 8 | 2024-03-31T01:30:00+01:00     |

rows out:
  | rows | sum | window_start         |
  | 1    | 4   | 2024-03-01T00:00:00Z |
  | 1    | 8   | 2024-03-29T00:00:00Z |
  | 1    | 8   | 2024-03-30T00:00:00Z |
  | 1    | 8   | 2024-03-31T00:00:00Z |
  | 2    | 3   | 2024-02-27T00:00:00Z |
  | 3    | 7   | 2024-02-28T00:00:00Z |
  | 3    | 7   | 2024-02-29T00:00:00Z |
