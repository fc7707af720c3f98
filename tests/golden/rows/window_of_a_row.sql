-- Without GROUP BY a window table function adds each row's window to it.

source t: id Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT id, ts, window_start, window_end, window_end - INTERVAL '1' SECOND AS last FROM TUMBLE(t, ts, INTERVAL '15' MINUTE) WHERE window_start >= TIMESTAMP '1969-12-31 23:45:00'

input t:
  | id | ts                          |
  | 1  | 2024-03-01T12:14:59.999999Z |
  | 2  | 2024-03-01T12:15:00Z        |
  | 3  | 1969-12-31T23:59:59Z        |
  | 4  | 1969-12-31T23:44:59Z        |
  | 5  | 1970-01-01T00:00:00Z        |

rows out:
  | id | ts                          | window_start         | window_end           | last                 |
  | 1  | 2024-03-01T12:14:59.999999Z | 2024-03-01T12:00:00Z | 2024-03-01T12:15:00Z | 2024-03-01T12:14:59Z |
  | 2  | 2024-03-01T12:15:00Z        | 2024-03-01T12:15:00Z | 2024-03-01T12:30:00Z | 2024-03-01T12:29:59Z |
  | 3  | 1969-12-31T23:59:59Z        | 1969-12-31T23:45:00Z | 1970-01-01T00:00:00Z | 1969-12-31T23:59:59Z |
  | 5  | 1970-01-01T00:00:00Z        | 1970-01-01T00:00:00Z | 1970-01-01T00:15:00Z | 1970-01-01T00:14:59Z |
