-- Each two windows of ten seconds of a key that there are, in the order of their time.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream tens:
  SELECT k, sum(n) AS sum, window_time AS ts FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_time

stream out:
  SELECT k, sum(sum) AS sum, count(*) AS windows, window_start, window_end FROM COUNT_WINDOW(tens, 2) GROUP BY k, window_start, window_end

input t:
  | # | k | n  | ts                   |
  | 0 | a | 1  | 2024-03-31T00:59:55Z |
  | 1 | a | 2  | 2024-03-31T00:59:59Z |
  | 0 | b | 4  | 2024-03-31T01:00:00Z |
  | 1 | a | 8  | 2024-03-31T01:00:05Z |
  | 0 | a | 16 | 2024-03-31T03:00:00Z |
  | 1 | b | 32 | 2024-03-31T03:00:01Z |
  | 0 | c | 64 | 2024-03-31T03:00:02Z |

rows tens:
  | k | sum | ts                          |
  | a | 16  | 2024-03-31T03:00:09.999999Z |
  | a | 3   | 2024-03-31T00:59:59.999999Z |
  | a | 8   | 2024-03-31T01:00:09.999999Z |
  | b | 32  | 2024-03-31T03:00:09.999999Z |
  | b | 4   | 2024-03-31T01:00:09.999999Z |
  | c | 64  | 2024-03-31T03:00:09.999999Z |

rows out:
  | k | sum | windows | window_start                | window_end           |
  | a | 11  | 2       | 2024-03-31T00:59:59.999999Z | 2024-03-31T01:00:10Z |
  | b | 36  | 2       | 2024-03-31T01:00:09.999999Z | 2024-03-31T03:00:10Z |
