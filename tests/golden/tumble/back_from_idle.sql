-- What an idle partition brings too late goes to the dead letters of the stream.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | # | n | ts                   |
  | 1 | 1 | 2024-01-01T00:00:01Z |
  | 0 | 2 | 2024-01-01T00:00:20Z |
  idle 1
  | 1 | 4 | 2024-01-01T00:00:02Z | -- Late in out
  | 1 | 8 | 2024-01-01T00:00:21Z |

rows out:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 10  | 2024-01-01T00:00:20Z |
