-- A record that is late for the first stream never reaches the second; a filter between changes nothing in that.
--

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream odd:
  SELECT k, n, ts FROM t WHERE n % 2 = 1

stream sums:
  SELECT k, sum(n) AS sum, window_start AS begin FROM TUMBLE(odd, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream minutes:
  SELECT k, sum(sum) AS sum, count(*) AS parts, window_start FROM TUMBLE(sums, begin, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:01Z |
  | a | 2 | 2024-01-01T00:00:25Z |
  | a | 3 | 2024-01-01T00:00:09Z | -- Late in sums
  | a | 5 | 2024-01-01T00:00:24Z |
  | a | 7 | 2024-01-01T00:01:10Z |
  | a | 9 | 2024-01-01T00:00:24Z | -- Late in sums

rows odd:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:01Z |
  | a | 3 | 2024-01-01T00:00:09Z |
  | a | 5 | 2024-01-01T00:00:24Z |
  | a | 7 | 2024-01-01T00:01:10Z |
  | a | 9 | 2024-01-01T00:00:24Z |

rows sums:
  | k | sum | begin                |
  | a | 1   | 2024-01-01T00:00:00Z |
  | a | 5   | 2024-01-01T00:00:20Z |
  | a | 7   | 2024-01-01T00:01:10Z |

rows minutes:
  | k | sum | parts | window_start         |
  | a | 6   | 2     | 2024-01-01T00:00:00Z |
  | a | 7   | 1     | 2024-01-01T00:01:00Z |
