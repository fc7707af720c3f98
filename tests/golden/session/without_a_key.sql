-- Without a key there is one session at a time.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT count(*) AS rows, max(n) AS most, window_start, window_end FROM SESSION(t, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:00Z |
  | 1 | b | 2 | 2024-01-01T00:00:50Z |
  | 0 | a | 4 | 2024-01-01T00:01:40Z |
  | 1 | b | 8 | 2024-01-01T00:10:00Z |

rows out:
  | rows | most | window_start         | window_end           |
  | 1    | 8    | 2024-01-01T00:10:00Z | 2024-01-01T00:11:00Z |
  | 3    | 4    | 2024-01-01T00:00:00Z | 2024-01-01T00:02:40Z |
