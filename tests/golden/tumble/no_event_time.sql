-- A record without an event time belongs to no window: it is a dead letter.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:05Z |
  | 2 | null                 | -- MissingRequired
  | 4 |                      | -- MissingRequired
  | 8 | 2024-01-01T00:00:06Z |

rows out:
  | sum | window_start         |
  | 9   | 2024-01-01T00:00:00Z |
