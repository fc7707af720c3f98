-- Flink's own spelling, with distinct values counted over panes.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT count(DISTINCT k) AS keys, window_start, window_end
  FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '3' SECOND))
  GROUP BY window_start, window_end

input t:
  | k | n | ts                     |
  | a | 1 | 2024-01-01T00:00:00.1Z |
  | b | 1 | 2024-01-01T00:00:00.2Z |
  | a | 1 | 2024-01-01T00:00:01.5Z |
  | c | 1 | 2024-01-01T00:00:02.9Z |
  |   | 1 | 2024-01-01T00:00:02.9Z |

rows out:
  | keys | window_start         | window_end           |
  | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:01Z |
  | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:02Z |
  | 3    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:03Z |
