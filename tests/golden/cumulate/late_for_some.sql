-- A record that is late for the shorter windows counts for the longer ones that are still open.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, window_end FROM CUMULATE(t, ts, INTERVAL '10' SECOND, INTERVAL '30' SECOND) GROUP BY window_start, window_end

input t:
  | n  | ts                   |
  | 1  | 2024-01-01T00:00:05Z |
  | 2  | 2024-01-01T00:00:22Z | -- those that end at 10 and 20 have closed
  | 4  | 2024-01-01T00:00:06Z | -- it counts for the longest alone
  | 8  | 2024-01-01T00:00:30Z |
  | 16 | 2024-01-01T00:00:29Z | -- Late in out

batch out: none, because in one batch nothing is late for some of its windows

rows out:
  | sum | window_end           |
  | 1   | 2024-01-01T00:00:10Z |
  | 1   | 2024-01-01T00:00:20Z |
  | 7   | 2024-01-01T00:00:30Z |
  | 8   | 2024-01-01T00:00:40Z |
  | 8   | 2024-01-01T00:00:50Z |
  | 8   | 2024-01-01T00:01:00Z |
