-- A window of which WHERE leaves nothing has no row.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) WHERE n > 0 AND k <> 'x' GROUP BY k, window_start, window_end

input t:
  | k    | n    | ts                   |
  | a    | 0    | 2024-01-01T00:00:00Z |
  | a    | null | 2024-01-01T00:00:01Z |
  | x    | 5    | 2024-01-01T00:00:02Z |
  | null | 5    | 2024-01-01T00:00:02Z |
  | b    | 5    | 2024-01-01T00:05:00Z |

rows out:
  | k | rows | window_start         |
  | b | 1    | 2024-01-01T00:05:00Z |
