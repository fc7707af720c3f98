-- A sum has ten digits more than what it adds, up to 38, all of them exact.

source t: k String, d Decimal(12,2), big Decimal(38,2), ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(d) AS sum, sum(big) AS big, min(big) AS least, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

input t:
  | k | d              | big                                      | ts                   |
  | a | 9999999999.99  | 999999999999999999999999999999999999.98  | 2024-01-01T00:00:00Z |
  | a | 9999999999.99  | 0.01                                     | 2024-01-01T00:00:01Z |
  | a | 0.01           | null                                     | 2024-01-01T00:00:01Z |
  | b | -9999999999.99 | -999999999999999999999999999999999999.99 | 2024-01-01T00:00:02Z |
  | b | -0.01          | 0.99                                     | 2024-01-01T00:00:03Z |

rows out:
  | k | sum             | big                                      | least                                    | window_start         |
  | a | 19999999999.99  | 999999999999999999999999999999999999.99  | 0.01                                     | 2024-01-01T00:00:00Z |
  | b | -10000000000.00 | -999999999999999999999999999999999999.00 | -999999999999999999999999999999999999.99 | 2024-01-01T00:00:00Z |
