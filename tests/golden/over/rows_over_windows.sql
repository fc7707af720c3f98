-- A moving mean of what windows give, in the order of their time.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1s}

stream tens:
  SELECT k, sum(n) AS sum, window_time FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_time

stream out:
  SELECT k, window_time, sum, avg(sum) OVER (PARTITION BY k ORDER BY window_time ROWS 2 PRECEDING) AS mean,
    sum - lag(sum) OVER (PARTITION BY k ORDER BY window_time) AS change
  FROM tens

input t:
  | # | k | n  | ts                   |
  | 0 | a | 1  | 2024-01-01T00:00:00Z |
  | 1 | a | 2  | 2024-01-01T00:00:09Z |
  | 0 | a | 4  | 2024-01-01T00:00:15Z |
  | 1 | b | 8  | 2024-01-01T00:00:16Z |
  | 0 | a | 16 | 2024-01-01T00:00:35Z |
  | 1 | a | 32 | 2024-01-01T00:00:39Z |
  | 0 | b | 64 | 2024-01-01T00:01:00Z |
  | 1 | a | -9 | 2024-01-01T00:01:01Z |
  | 0 | a | 99 | 2024-01-01T00:00:01Z | -- Late in tens

rows tens:
  | k | sum | window_time                 |
  | a | -9  | 2024-01-01T00:01:09.999999Z |
  | a | 3   | 2024-01-01T00:00:09.999999Z |
  | a | 4   | 2024-01-01T00:00:19.999999Z |
  | a | 48  | 2024-01-01T00:00:39.999999Z |
  | b | 64  | 2024-01-01T00:01:09.999999Z |
  | b | 8   | 2024-01-01T00:00:19.999999Z |

rows out:
  | k | window_time                 | sum | mean               | change |
  | a | 2024-01-01T00:00:09.999999Z | 3   | 3.0                | null   |
  | a | 2024-01-01T00:00:19.999999Z | 4   | 3.5                | 1      |
  | a | 2024-01-01T00:00:39.999999Z | 48  | 18.333333333333332 | 44     |
  | a | 2024-01-01T00:01:09.999999Z | -9  | 14.333333333333334 | -57    |
  | b | 2024-01-01T00:00:19.999999Z | 8   | 8.0                | null   |
  | b | 2024-01-01T00:01:09.999999Z | 64  | 36.0               | 56     |
