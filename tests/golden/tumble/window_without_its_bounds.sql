-- The bounds of a window need not be selected.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(n) AS sum FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 1 | 2024-01-01T00:00:10Z |
  | a | 1 | 2024-01-01T00:00:20Z |
  | b | 2 | 2024-01-01T00:00:20Z |

rows out:
  | k | sum |
  | a | 1   |
  | a | 1   |
  | a | 1   |
  | b | 2   |
