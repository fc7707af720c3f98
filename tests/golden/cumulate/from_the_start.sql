-- Windows start together and grow by a step; a row counts for those that end after it.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT sum(n) AS sum, count(*) AS rows, window_start, window_end FROM CUMULATE(t, ts, INTERVAL '5' SECOND, INTERVAL '15' SECOND) GROUP BY window_start, window_end

input t:
  | n  | ts                          |
  | 1  | 2024-01-01T00:00:00Z        |
  | 2  | 2024-01-01T00:00:05Z        |
  | 4  | 2024-01-01T00:00:14.999999Z |
  | 8  | 2024-01-01T00:00:15Z        |
  | 16 | 2024-01-01T00:00:31Z        |

rows out:
  | sum | rows | window_start         | window_end           |
  | 1   | 1    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:05Z |
  | 16  | 1    | 2024-01-01T00:00:30Z | 2024-01-01T00:00:35Z |
  | 16  | 1    | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z |
  | 16  | 1    | 2024-01-01T00:00:30Z | 2024-01-01T00:00:45Z |
  | 3   | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | 7   | 3    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:15Z |
  | 8   | 1    | 2024-01-01T00:00:15Z | 2024-01-01T00:00:20Z |
  | 8   | 1    | 2024-01-01T00:00:15Z | 2024-01-01T00:00:25Z |
  | 8   | 1    | 2024-01-01T00:00:15Z | 2024-01-01T00:00:30Z |
