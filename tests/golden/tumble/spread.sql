-- Standard deviation and variance, of a sample and of all; one value has no spread of a sample.

source t: k String, x Float64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, stddev(x) AS deviation, stddev_pop(x) AS of_all, var_samp(x) AS variance, var_pop(x) AS variance_of_all, window_start
  FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

input t:
  | k | x    | ts                   |
  | a | 2    | 2024-01-01T00:00:00Z |
  | a | 4    | 2024-01-01T00:01:00Z |
  | a | 4    | 2024-01-01T00:02:00Z |
  | a | 4    | 2024-01-01T00:03:00Z |
  | a | 5    | 2024-01-01T00:04:00Z |
  | a | 5    | 2024-01-01T00:05:00Z |
  | a | 7    | 2024-01-01T00:06:00Z |
  | a | 9    | 2024-01-01T00:07:00Z |
  | b | 3    | 2024-01-01T00:08:00Z |
  | c | null | 2024-01-01T00:09:00Z |
  | d | 5    | 2024-01-01T00:10:00Z |
  | d | 5    | 2024-01-01T00:11:00Z |

rows out:
  | k | deviation         | of_all | variance          | variance_of_all | window_start         |
  | a | 2.138089935299395 | 2.0    | 4.571428571428571 | 4.0             | 2024-01-01T00:00:00Z |
  | b | null              | 0.0    | null              | 0.0             | 2024-01-01T00:00:00Z |
  | c | null              | null   | null              | null            | 2024-01-01T00:00:00Z |
  | d | 0.0               | 0.0    | 0.0               | 0.0             | 2024-01-01T00:00:00Z |
