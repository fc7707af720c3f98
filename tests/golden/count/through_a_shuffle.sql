-- The rows of a key come from several partitions.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, sum(n) AS sum, avg(n) AS mean, window_start FROM COUNT_WINDOW(t, 2) GROUP BY k, window_start

input t:
  | # | k | n   | ts                   |
  | 0 | a | 1   | 2024-01-01T00:00:00Z |
  | 1 | a | 2   | 2024-01-01T00:00:03Z |
  | 0 | b | 4   | 2024-01-01T00:00:09Z |
  | 1 | a | 8   | 2024-01-01T00:00:01Z |
  | 0 | a | 16  | 2024-01-01T00:00:10Z |
  | 1 | b | 32  | 2024-01-01T00:00:30Z |
  | 0 | b | 64  | 2024-01-01T00:00:25Z |
  | 1 | c | 128 | 2024-01-01T00:00:02Z | -- Late in out
  | 0 | c | 256 | 2024-01-01T00:00:26Z |
  | 1 | b | 512 | 2024-01-01T00:00:31Z |

rows out:
  | k | sum | mean  | window_start         |
  | a | 18  | 9.0   | 2024-01-01T00:00:03Z |
  | a | 9   | 4.5   | 2024-01-01T00:00:00Z |
  | b | 544 | 272.0 | 2024-01-01T00:00:30Z |
  | b | 68  | 34.0  | 2024-01-01T00:00:09Z |
