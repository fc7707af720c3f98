-- Every aggregate over windows; nulls are passed over by all but count(*).

source t: k String, n Int64, d Decimal(10,2), f Float64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, window_start, count(*) AS rows, count(n) AS present, sum(n) AS sum, min(n) AS least, max(n) AS most, avg(n) AS mean,
         sum(d) AS total, min(d) AS cheapest, max(d) AS dearest, sum(f) AS floats, avg(f) AS middle
  FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n    | d     | f    | ts                   |
  | a | 1    | 0.10  | 0.5  | 2024-01-01T00:00:00Z |
  | a | null | 0.20  | 1.5  | 2024-01-01T00:00:03Z |
  | b | -5   | null  | null | 2024-01-01T00:00:02Z |
  | a | 4    | -7.35 | null | 2024-01-01T00:00:01Z |
  | a | 9    | 1     | 2.25 | 2024-01-01T00:00:11Z |
  | b | null | null  | null | 2024-01-01T00:00:12Z |

rows out:
  | k | window_start         | rows | present | sum  | least | most | mean | total | cheapest | dearest | floats | middle |
  | a | 2024-01-01T00:00:00Z | 3    | 2       | 5    | 1     | 4    | 2.5  | -7.05 | -7.35    | 0.20    | 2.0    | 1.0    |
  | a | 2024-01-01T00:00:10Z | 1    | 1       | 9    | 9     | 9    | 9.0  | 1.00  | 1.00     | 1.00    | 2.25   | 2.25   |
  | b | 2024-01-01T00:00:00Z | 1    | 1       | -5   | -5    | -5   | -5.0 | null  | null     | null    | null   | null   |
  | b | 2024-01-01T00:00:10Z | 1    | 0       | null | null  | null | null | null  | null     | null    | null   | null   |
