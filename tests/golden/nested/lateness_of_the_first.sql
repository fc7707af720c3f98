-- Lateness is allowed where rows come to windows first; what is later is a dead letter of the stream.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream most:
  allowedLateness: 5s
  SELECT max(sum) AS most, window_start, window_end FROM (
    SELECT k, sum(n) AS sum, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end
  ) GROUP BY window_start, window_end


input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:01Z |
  | a | 2  | 2024-01-01T00:00:14Z |
  | b | 4  | 2024-01-01T00:00:09Z |
  | a | 8  | 2024-01-01T00:00:15Z |
  | b | 16 | 2024-01-01T00:00:08Z | -- Late in most
  | a | 32 | 2024-01-01T00:00:40Z |

rows most:
  | most | window_start         | window_end           |
  | 10   | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z |
  | 32   | 2024-01-01T00:00:40Z | 2024-01-01T00:00:50Z |
  | 4    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
