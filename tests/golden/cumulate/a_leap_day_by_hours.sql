-- A day of UTC so far, by six hours, on the 29th of February and where local clocks change.

source t: n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 60d}

stream out:
  SELECT count(*) AS rows, sum(n) AS sum, window_start, window_end FROM CUMULATE(t, ts, INTERVAL '6' HOUR, INTERVAL '1' DAY) GROUP BY window_start, window_end

input t:
  | n | ts                        |
  | 1 | 2024-02-29T00:00:00Z      |
  | 2 | 2024-02-29T23:30:00+01:00 |
  | 4 | 2024-03-31T02:30:00+02:00 |
  | 8 | 2024-03-31T03:30:00+02:00 |

rows out:
  | rows | sum | window_start         | window_end           |
  | 1    | 1   | 2024-02-29T00:00:00Z | 2024-02-29T06:00:00Z |
  | 1    | 1   | 2024-02-29T00:00:00Z | 2024-02-29T12:00:00Z |
  | 1    | 1   | 2024-02-29T00:00:00Z | 2024-02-29T18:00:00Z |
  | 2    | 12  | 2024-03-31T00:00:00Z | 2024-03-31T06:00:00Z |
  | 2    | 12  | 2024-03-31T00:00:00Z | 2024-03-31T12:00:00Z |
  | 2    | 12  | 2024-03-31T00:00:00Z | 2024-03-31T18:00:00Z |
  | 2    | 12  | 2024-03-31T00:00:00Z | 2024-04-01T00:00:00Z |
  | 2    | 3   | 2024-02-29T00:00:00Z | 2024-03-01T00:00:00Z |
