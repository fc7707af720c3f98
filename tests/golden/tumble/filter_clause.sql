-- FILTER (WHERE …) lets an aggregate see some rows; where it sees none, a sum is null and a count 0.

source t: k String, kind String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, count(*) AS rows, count(*) FILTER (WHERE kind = 'in') AS ins, sum(n) FILTER (WHERE kind = 'out') AS outs, max(n) FILTER (WHERE n < 3) AS small,
         count(DISTINCT n) FILTER (WHERE kind IS NOT NULL) AS different, window_start
  FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | kind | n    | ts                   |
  | a | in   | 1    | 2024-01-01T00:00:00Z |
  | a | out  | 2    | 2024-01-01T00:00:01Z |
  | a | out  | 5    | 2024-01-01T00:00:02Z |
  | b | in   | 7    | 2024-01-01T00:00:03Z |
  | b | in   | 7    | 2024-01-01T00:00:04Z |
  | c | null | 4    | 2024-01-01T00:00:05Z |
  | a | in   | null | 2024-01-01T00:00:11Z |

rows out:
  | k | rows | ins | outs | small | different | window_start         |
  | a | 1    | 1   | null | null  | 0         | 2024-01-01T00:00:10Z |
  | a | 3    | 1   | 7    | 2     | 3         | 2024-01-01T00:00:00Z |
  | b | 2    | 2   | null | null  | 1         | 2024-01-01T00:00:00Z |
  | c | 1    | 0   | null | null  | 0         | 2024-01-01T00:00:00Z |
