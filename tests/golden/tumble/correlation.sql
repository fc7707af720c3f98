-- Aggregates of two columns, with a null in either.

source t: x Float64, y Float64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT corr(y, x) AS correlation, covar_pop(y, x) AS covariance, covar_samp(y, x) AS of_sample, regr_slope(y, x) AS slope, regr_intercept(y, x) AS intercept, regr_count(y, x) AS pairs, window_start
  FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY window_start, window_end

input t:
  | x    | y    | ts                   |
  | 1    | 2    | 2024-01-01T00:00:00Z |
  | 2    | 4.5  | 2024-01-01T00:01:00Z |
  | 3    | 5.5  | 2024-01-01T00:02:00Z |
  | null | 9    | 2024-01-01T00:03:00Z |
  | 4    | null | 2024-01-01T00:04:00Z |
  | 4    | 8    | 2024-01-01T00:05:00Z |

rows out:
  | correlation        | covariance | of_sample          | slope | intercept          | pairs | window_start         |
  | 0.9877629653290689 | 2.375      | 3.1666666666666665 | 1.9   | 0.2500000000000002 | 4     | 2024-01-01T00:00:00Z |
