-- A row whose window is over is late, and does not change what the first were; an idle partition brings such rows, too.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  lateRecords: Drop
  SELECT k, n, window_start FROM (
    SELECT k, n, window_start, row_number() OVER (PARTITION BY window_start, window_end ORDER BY n DESC NULLS LAST) AS rn
    FROM TUMBLE(t, ts, INTERVAL '10' SECOND)) WHERE rn = 1

input t:
  | # | k | n  | ts                   |
  | 0 | a | 1  | 2024-02-29T23:59:50Z |
  | 1 | b | -2 | 2024-02-29T23:59:59Z |
  | 0 | c | 3  | 2024-03-01T00:00:11Z |
  | 0 | d | 9  | 2024-02-29T23:59:52Z | -- Dropped in out
  | 1 | e | 4  | 2024-02-29T23:59:58Z |
  idle 1
  | 1 | f | 8  | 2024-02-29T23:59:59Z | -- Dropped in out
  | 1 | g |    | 2024-03-01T00:00:12Z |
  | 0 | h | -7 | 2024-03-01T00:00:20Z |

rows out:
  | k | n  | window_start         |
  | c | 3  | 2024-03-01T00:00:10Z |
  | e | 4  | 2024-02-29T23:59:50Z |
  | h | -7 | 2024-03-01T00:00:20Z |
