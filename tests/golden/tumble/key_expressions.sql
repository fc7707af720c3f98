-- Grouping by expressions: a function, a CASE, a part of a date, an arithmetic term.

source t: s String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT upper(s) AS word, CASE WHEN n < 10 THEN 'small' ELSE 'large' END AS size, n % 2 AS parity, count(*) AS rows, sum(n) * 2 AS twice, window_start
  FROM TUMBLE(t, ts, INTERVAL '1' HOUR)
  GROUP BY upper(s), CASE WHEN n < 10 THEN 'small' ELSE 'large' END, n % 2, window_start, window_end

input t:
  | s    | n    | ts                   |
  | ab   | 1    | 2024-01-01T00:00:00Z |
  | AB   | 3    | 2024-01-01T00:00:01Z |
  | Ab   | 11   | 2024-01-01T00:00:02Z |
  | ab   | 2    | 2024-01-01T00:00:03Z |
  | null | null | 2024-01-01T00:00:04Z |
  | ab   | 1    | 2024-01-01T01:00:00Z |

rows out:
  | word | size  | parity | rows | twice | window_start         |
  | AB   | large | 1      | 1    | 22    | 2024-01-01T00:00:00Z |
  | AB   | small | 0      | 1    | 4     | 2024-01-01T00:00:00Z |
  | AB   | small | 1      | 1    | 2     | 2024-01-01T01:00:00Z |
  | AB   | small | 1      | 2    | 8     | 2024-01-01T00:00:00Z |
  | null | large | null   | 1    | null  | 2024-01-01T00:00:00Z |
