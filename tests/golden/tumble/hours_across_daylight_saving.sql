-- The hour that clocks show twice is two windows, the one that they leave out is none.

source t: ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY window_start, window_end

input t:
  | ts                        |
  | 2024-03-31T01:15:00+01:00 |
  | 2024-03-31T01:45:00+01:00 |
  | 2024-03-31T03:15:00+02:00 |
  | 2024-10-27T02:15:00+02:00 |
  | 2024-10-27T02:45:00+02:00 |
  | 2024-10-27T02:15:00+01:00 |
  | 2024-10-27T03:15:00+01:00 |

rows out:
  | rows | window_start         |
  | 1    | 2024-03-31T01:00:00Z |
  | 1    | 2024-10-27T01:00:00Z |
  | 1    | 2024-10-27T02:00:00Z |
  | 2    | 2024-03-31T00:00:00Z |
  | 2    | 2024-10-27T00:00:00Z |
