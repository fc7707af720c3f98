-- Two streams over one source with windows of different lengths.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 10s}

stream seconds:
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream minutes:
  SELECT count(*) AS rows, count(DISTINCT k) AS keys, window_start FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

input t:
  | # | k | n  | ts                   |
  | 0 | a | 1  | 2024-01-01T00:00:05Z |
  | 1 | b | 2  | 2024-01-01T00:00:55Z |
  | 0 | a | 4  | 2024-01-01T00:00:59Z |
  | 0 | b | 8  | 2024-01-01T00:01:05Z |
  | 1 | b | 16 | 2024-01-01T00:00:49Z |

rows seconds:
  | k | sum | window_start         |
  | a | 1   | 2024-01-01T00:00:00Z |
  | a | 4   | 2024-01-01T00:00:50Z |
  | b | 16  | 2024-01-01T00:00:40Z |
  | b | 2   | 2024-01-01T00:00:50Z |
  | b | 8   | 2024-01-01T00:01:00Z |

rows minutes:
  | rows | keys | window_start         |
  | 1    | 1    | 2024-01-01T00:01:00Z |
  | 4    | 2    | 2024-01-01T00:00:00Z |
