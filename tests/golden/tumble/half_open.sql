-- Windows are half open: a record at the very end of one belongs to the next.

source payments: account String required, amount Decimal(12,2), ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream totals:
  SELECT account, sum(amount) AS total, count(*) AS n, window_start, window_end
  FROM TUMBLE(payments, ts, INTERVAL '10' SECOND)
  GROUP BY account, window_start, window_end

input payments:
  | # | account | amount | ts                          |
  | 0 | a       | 1.50   | 2024-03-01T12:00:00Z        |
  | 1 | a       | 2.25   | 2024-03-01T12:00:09.999999Z |
  | 0 | b       | 7      | 2024-03-01T12:00:09Z        |
  | 1 | a       | 4.00   | 2024-03-01T12:00:10Z        |

rows totals:
  | account | total | n | window_start         | window_end           |
  | a       | 3.75  | 2 | 2024-03-01T12:00:00Z | 2024-03-01T12:00:10Z |
  | a       | 4.00  | 1 | 2024-03-01T12:00:10Z | 2024-03-01T12:00:20Z |
  | b       | 7.00  | 1 | 2024-03-01T12:00:00Z | 2024-03-01T12:00:10Z |
