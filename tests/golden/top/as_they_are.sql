-- The numbers of all rows of a window, and columns computed with them; a filter before.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, n, 100 * row_number() OVER (PARTITION BY window_end, k ORDER BY -n) AS hundreds, window_end FROM TUMBLE(t, ts, INTERVAL '10' SECOND) WHERE n <> 4

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 7 | 2024-01-01T00:00:01Z |
  | a | 4 | 2024-01-01T00:00:02Z |
  | b | 5 | 2024-01-01T00:00:03Z |
  | a | 6 | 2024-01-01T00:00:04Z |
  | a | 2 | 2024-01-01T00:00:14Z |

rows out:
  | k | n | hundreds | window_end           |
  | a | 1 | 300      | 2024-01-01T00:00:10Z |
  | a | 2 | 100      | 2024-01-01T00:00:20Z |
  | a | 6 | 200      | 2024-01-01T00:00:10Z |
  | a | 7 | 100      | 2024-01-01T00:00:10Z |
  | b | 5 | 100      | 2024-01-01T00:00:10Z |
