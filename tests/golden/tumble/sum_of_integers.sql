-- A sum of whole numbers at their limits.

source t: k String, i Int32, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(i) AS sum, sum(n) AS big, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

input t:
  | k | i           | n                    | ts                   |
  | a | 2147483647  | 9223372036854775806  | 2024-01-01T00:00:00Z |
  | a | 2147483647  | 1                    | 2024-01-01T00:00:01Z |
  | b | -2147483648 | -9223372036854775808 | 2024-01-01T00:00:02Z |
  | b | -1          | 1                    | 2024-01-01T00:00:03Z |

rows out:
  | k | sum         | big                  | window_start         |
  | a | 4294967294  | 9223372036854775807  | 2024-01-01T00:00:00Z |
  | b | -2147483649 | -9223372036854775807 | 2024-01-01T00:00:00Z |
