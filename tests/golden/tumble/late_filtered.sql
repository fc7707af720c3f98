-- A record that WHERE leaves out is not late, but its time counts.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) WHERE n < 100 GROUP BY window_start, window_end

input t:
  | n   | ts                   |
  | 1   | 2024-01-01T00:00:05Z |
  | 200 | 2024-01-01T00:00:30Z |
  | 2   | 2024-01-01T00:00:06Z | -- Late in out
  | 300 | 2024-01-01T00:00:07Z |
  | 4   | 2024-01-01T00:00:31Z |

rows out:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 4   | 2024-01-01T00:00:30Z |
