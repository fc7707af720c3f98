-- A sum that does not fit Int64 has no value: its group is a dead letter. (DuckDB's sum has more digits.)

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

batch out:
  SELECT k, sum(n) AS sum, time_bucket(INTERVAL '1' HOUR, ts) AS window_start FROM t WHERE k <> 'b' GROUP BY ALL

input t:
  | k | n                   | ts                   |
  | a | 9223372036854775806 | 2024-01-01T00:00:00Z |
  | b | 9223372036854775807 | 2024-01-01T00:00:00Z |
  | a | 1                   | 2024-01-01T00:00:01Z |
  | b | 1                   | 2024-01-01T00:00:01Z |

rows out:
  | k | sum                 | window_start         |
  | a | 9223372036854775807 | 2024-01-01T00:00:00Z |
