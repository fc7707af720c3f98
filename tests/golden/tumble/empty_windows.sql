-- A window in which nothing fell has no row; one whose values are all null has one.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT count(*) AS rows, count(n) AS present, sum(n) AS sum, avg(n) AS mean, min(n) AS least, window_start, window_end
  FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

input t:
  | n    | ts                   |
  | 1    | 2024-01-01T00:00:30Z |
  | null | 2024-01-01T00:03:00Z |
  | null | 2024-01-01T00:03:01Z |
  | 0    | 2024-01-01T00:59:59Z |

rows out:
  | rows | present | sum  | mean | least | window_start         | window_end           |
  | 1    | 1       | 0    | 0.0  | 0     | 2024-01-01T00:59:00Z | 2024-01-01T01:00:00Z |
  | 1    | 1       | 1    | 1.0  | 1     | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | 2    | 0       | null | null | null  | 2024-01-01T00:03:00Z | 2024-01-01T00:04:00Z |
