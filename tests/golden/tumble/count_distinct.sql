-- count(DISTINCT …) counts each value once, over batches and restarts; nulls are not counted.

source t: k String, s String, n Int64, d Decimal(8,2), ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, count(DISTINCT s) AS words, count(DISTINCT n) AS numbers, count(DISTINCT d) AS decimals, count(DISTINCT ts) AS times, count(s) AS all_words, window_start
  FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end

input t:
  | k | s    | n    | d    | ts                   |
  | a | x    | 1    | 1    | 2024-01-01T00:00:00Z |
  | a | x    | 2    | 1.00 | 2024-01-01T00:00:00Z |
  | b | x    | 1    | 1    | 2024-01-01T00:00:10Z |
  | a | ""   | 1    | 1.01 | 2024-01-01T00:00:20Z |
  | a | null | null | null | 2024-01-01T00:00:30Z |
  | a | X    | 1    | 1    | 2024-01-01T00:00:30Z |
  | b | null | null | null | 2024-01-01T00:01:00Z |

rows out:
  | k | words | numbers | decimals | times | all_words | window_start         |
  | a | 3     | 2       | 2        | 3     | 4         | 2024-01-01T00:00:00Z |
  | b | 0     | 0       | 0        | 1     | 0         | 2024-01-01T00:01:00Z |
  | b | 1     | 1       | 1        | 1     | 1         | 2024-01-01T00:00:00Z |
