-- Zero and minus zero are the same key.

source t: f Float64, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT f = 0 AS zero, sum(n) AS sum, count(DISTINCT f) AS different, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY f, window_start, window_end

input t:
  | f    | n | ts                   |
  | 0.0  | 1 | 2024-01-01T00:00:00Z |
  | -0.0 | 2 | 2024-01-01T00:00:01Z |
  | 1    | 4 | 2024-01-01T00:00:01Z |

rows out:
  | zero  | sum | different | window_start         |
  | false | 4   | 1         | 2024-01-01T00:00:00Z |
  | true  | 3   | 1         | 2024-01-01T00:00:00Z |
