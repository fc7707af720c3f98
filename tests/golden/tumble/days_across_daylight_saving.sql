-- Days are days in UTC: when clocks change they are 24 hours as always, and a local midnight falls into the day before.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT count(*) AS rows, sum(n) AS sum, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '1' DAY) GROUP BY window_start, window_end

input t:
  | n   | ts                        |
  | 1   | 2024-03-31T00:00:00+01:00 | -- midnight in Zurich, an hour before that in UTC
  | 2   | 2024-03-31T01:59:59+01:00 |
  | 4   | 2024-03-31T03:00:00+02:00 | -- a second later
  | 8   | 2024-03-31T23:59:59+02:00 |
  | 16  | 2024-04-01T01:59:59+02:00 | -- still the 31st in UTC
  | 32  | 2024-04-01T02:00:00+02:00 |
  | 64  | 2024-10-27T02:30:00+02:00 |
  | 128 | 2024-10-27T02:30:00+01:00 | -- an hour later

rows out:
  | rows | sum | window_start         | window_end           |
  | 1    | 1   | 2024-03-30T00:00:00Z | 2024-03-31T00:00:00Z |
  | 1    | 32  | 2024-04-01T00:00:00Z | 2024-04-02T00:00:00Z |
  | 2    | 192 | 2024-10-27T00:00:00Z | 2024-10-28T00:00:00Z |
  | 4    | 30  | 2024-03-31T00:00:00Z | 2024-04-01T00:00:00Z |
