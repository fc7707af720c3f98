-- The average of decimals is a decimal with four digits more after the point, cut off. (DuckDB gives a float.)

source t: k String, d Decimal(10,2), ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, avg(d) AS mean, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

batch out:
  SELECT k, CAST(trunc(avg(d) * 1000000) / 1000000 AS DECIMAL(14,6)) AS mean, time_bucket(INTERVAL '1' HOUR, ts) AS window_start FROM t GROUP BY ALL

input t:
  | k | d    | ts                   |
  | a | 1    | 2024-01-01T00:00:00Z |
  | a | 2    | 2024-01-01T00:00:01Z |
  | a | 2    | 2024-01-01T00:00:02Z |
  | b | -1   | 2024-01-01T00:00:02Z |
  | b | -2   | 2024-01-01T00:00:02Z |
  | b | -2   | 2024-01-01T00:00:02Z |
  | c | 0.10 | 2024-01-01T00:00:02Z |
  | c | null | 2024-01-01T00:00:02Z |

rows out:
  | k | mean      | window_start         |
  | a | 1.666666  | 2024-01-01T00:00:00Z |
  | b | -1.666666 | 2024-01-01T00:00:00Z |
  | c | 0.100000  | 2024-01-01T00:00:00Z |
