-- Sums and means of decimals with as many digits as there can be, and of floats.

source t: k String, d Decimal(38,2), m Decimal(10,4), f Float64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, sum(d) AS sum, avg(m) AS mean, sum(f) AS floats, avg(f) AS middle, max(d) AS most, window_start
  FROM COUNT_WINDOW(t, 2) GROUP BY k, window_start

input t:
  | k | d                                       | m           | f    | ts                   |
  | a | 999999999999999999999999999999999999.98 | 999999.9999 | 0.5  | 2024-01-01T00:00:00Z |
  | a | 0.01                                    | 999999.9998 | 0.25 | 2024-01-01T00:00:01Z |
  | a | -999999999999999999999999999999999999.99 | -0.0001    | -1.5 | 2024-01-01T00:00:02Z |
  | a | 999999999999999999999999999999999999.99 |             |      | 2024-01-01T00:00:03Z |
  | b |                                         |             | 1e300 | 2024-01-01T00:00:03Z |
  | b |                                         | 0.0001      | 1.0  | 2024-01-01T00:00:04Z |

rows out:
  | k | sum                                     | mean         | floats | middle | most                                    | window_start         |
  | a | 0.00                                    | -0.0001      | -1.5   | -1.5   | 999999999999999999999999999999999999.99 | 2024-01-01T00:00:02Z |
  | a | 999999999999999999999999999999999999.99 | 999999.99985 | 0.75   | 0.375  | 999999999999999999999999999999999999.98 | 2024-01-01T00:00:00Z |
  | b | null                                    | 0.0001       | 1e+300 | 5e+299 | null                                    | 2024-01-01T00:00:03Z |
