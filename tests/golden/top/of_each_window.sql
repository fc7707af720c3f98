-- The two keys of each window that have most.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream sums:
  SELECT k, window_start, window_end, sum(n) AS sum FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream out:
  SELECT window_start, k, sum, rn FROM (
    SELECT *, row_number() OVER (PARTITION BY window_start, window_end ORDER BY sum DESC) AS rn FROM sums) WHERE rn <= 2

input t:
  | # | k | n   | ts                   |
  | 0 | a | 1   | 2024-01-01T00:00:00Z |
  | 1 | b | 2   | 2024-01-01T00:00:03Z |
  | 0 | c | 4   | 2024-01-01T00:00:09Z |
  | 1 | a | 8   | 2024-01-01T00:00:09Z |
  | 0 | a | 16  | 2024-01-01T00:00:10Z |
  | 1 | b | 32  | 2024-01-01T00:00:30Z |
  | 0 | c | 64  | 2024-01-01T00:00:31Z |
  | 1 | d | 128 | 2024-01-01T00:00:32Z |

rows sums:
  | k | window_start         | window_end           | sum |
  | a | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 9   |
  | a | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z | 16  |
  | b | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 2   |
  | b | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z | 32  |
  | c | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 4   |
  | c | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z | 64  |
  | d | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z | 128 |

rows out:
  | window_start         | k | sum | rn |
  | 2024-01-01T00:00:00Z | a | 9   | 1  |
  | 2024-01-01T00:00:00Z | c | 4   | 2  |
  | 2024-01-01T00:00:10Z | a | 16  | 1  |
  | 2024-01-01T00:00:30Z | c | 64  | 2  |
  | 2024-01-01T00:00:30Z | d | 128 | 1  |
