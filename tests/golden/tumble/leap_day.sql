-- A day that is there every four years is a window of its own; 1900 had none, 2000 had one.

source t: ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '1' DAY) GROUP BY window_start, window_end

input t:
  | ts                          |
  | 1900-02-28T23:00:00Z        |
  | 1900-03-01T00:00:00Z        |
  | 2000-02-29T12:00:00Z        |
  | 2024-02-28T23:59:59.999999Z |
  | 2024-02-29T00:00:00Z        |
  | 2024-02-29T23:59:59.999999Z |
  | 2024-03-01T00:00:00Z        |

rows out:
  | rows | window_start         | window_end           |
  | 1    | 1900-02-28T00:00:00Z | 1900-03-01T00:00:00Z |
  | 1    | 1900-03-01T00:00:00Z | 1900-03-02T00:00:00Z |
  | 1    | 2000-02-29T00:00:00Z | 2000-03-01T00:00:00Z |
  | 1    | 2024-02-28T00:00:00Z | 2024-02-29T00:00:00Z |
  | 1    | 2024-03-01T00:00:00Z | 2024-03-02T00:00:00Z |
  | 2    | 2024-02-29T00:00:00Z | 2024-03-01T00:00:00Z |
