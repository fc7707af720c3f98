-- Where a cycle has no row nothing is written, and the next one starts from nothing.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT sum(n) AS sum, window_start, window_end FROM CUMULATE(t, ts, INTERVAL '10' SECOND, INTERVAL '20' SECOND) GROUP BY window_start, window_end

input t:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:15Z |
  | 2 | 2024-01-01T00:01:05Z |
  | 4 | 2024-01-02T00:00:00Z |

rows out:
  | sum | window_start         | window_end           |
  | 1   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |
  | 2   | 2024-01-01T00:01:00Z | 2024-01-01T00:01:10Z |
  | 2   | 2024-01-01T00:01:00Z | 2024-01-01T00:01:20Z |
  | 4   | 2024-01-02T00:00:00Z | 2024-01-02T00:00:10Z |
  | 4   | 2024-01-02T00:00:00Z | 2024-01-02T00:00:20Z |
