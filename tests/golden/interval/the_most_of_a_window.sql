-- A stream with the greatest of each of its windows, as Nexmark's query 7 has it.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT B.k, B.n, B.ts FROM a B JOIN (
    SELECT max(n) AS most, window_end AS ts FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end
  ) B1 ON B.n = B1.most
  WHERE B.ts BETWEEN B1.ts - INTERVAL '1' MINUTE AND B1.ts

input a:
  | # | k | n | ts                   |
  | 0 | x | 5 | 2024-01-01T00:00:01Z |
  | 1 | y | 5 | 2024-01-01T00:00:59.999999Z |
  | 0 | z | 4 | 2024-01-01T00:00:30Z |
  | 1 | x | 5 | 2024-01-01T00:01:00Z |
  | 0 | y | 7 | 2024-01-01T00:01:10Z |
  | 1 | z | 7 | 2024-01-01T00:01:20Z |
  | 0 | z | 9 | 2024-01-01T00:05:20Z |
  | 1 | z | 8 | 2024-01-01T00:05:21Z |
  | 0 | z | 1 | 2024-01-01T00:05:00Z | -- Late in out
  | 1 | x | 3 | 2024-01-01T00:09:00Z |

rows out:
  | k | n | ts                          |
  | x | 3 | 2024-01-01T00:09:00Z        |
  | x | 5 | 2024-01-01T00:00:01Z        |
  | x | 5 | 2024-01-01T00:01:00Z        |
  | y | 5 | 2024-01-01T00:00:59.999999Z |
  | y | 7 | 2024-01-01T00:01:10Z        |
  | z | 7 | 2024-01-01T00:01:20Z        |
  | z | 9 | 2024-01-01T00:05:20Z        |
