-- A record that is late for some of its windows counts for those that are still open, however records are batched.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, window_start FROM HOP(t, ts, INTERVAL '10' SECOND, INTERVAL '30' SECOND) GROUP BY window_start, window_end

input t:
  | n  | ts                   |
  | 1  | 2024-01-01T00:00:05Z |
  | 2  | 2024-01-01T00:00:22Z | -- the windows that end at 10 and 20 have closed
  | 4  | 2024-01-01T00:00:06Z | -- it counts for the one that ends at 30 alone
  | 8  | 2024-01-01T00:00:30Z |
  | 16 | 2024-01-01T00:00:09Z | -- Late in out
  | 32 | 2024-01-01T00:00:19Z | -- it counts for the one that ends at 40 alone

batch out: none, because in one batch nothing is late for some of its windows

rows out:
  | sum | window_start         |
  | 1   | 2023-12-31T23:59:40Z |
  | 1   | 2023-12-31T23:59:50Z |
  | 7   | 2024-01-01T00:00:00Z |
  | 42  | 2024-01-01T00:00:10Z |
  | 10  | 2024-01-01T00:00:20Z |
  | 8   | 2024-01-01T00:00:30Z |
