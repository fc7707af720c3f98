-- Windows over the windows of another stream, by their start.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream short:
  SELECT k, sum(n) AS sum, window_start AS begin FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream long:
  SELECT k, sum(sum) AS total, count(*) AS parts, window_start, window_end
  FROM TUMBLE(short, begin, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end

stream everything:
  SELECT sum(sum) AS total, count(DISTINCT k) AS keys, window_start
  FROM TUMBLE(short, begin, INTERVAL '1' HOUR) GROUP BY window_start, window_end

input t:
  | # | k | n  | ts                   |
  | 0 | a | 1  | 2024-01-01T00:00:05Z |
  | 1 | a | 2  | 2024-01-01T00:00:04Z |
  | 0 | a | 4  | 2024-01-01T00:00:15Z |
  | 1 | b | 8  | 2024-01-01T00:00:59Z |
  | 0 | a | 16 | 2024-01-01T00:01:05Z |
  | 1 | a | 32 | 2024-01-01T00:02:30Z |
  | 0 | b | 64 | 2024-01-01T01:00:00Z |

rows short:
  | k | sum | begin                |
  | a | 16  | 2024-01-01T00:01:00Z |
  | a | 3   | 2024-01-01T00:00:00Z |
  | a | 32  | 2024-01-01T00:02:30Z |
  | a | 4   | 2024-01-01T00:00:10Z |
  | b | 64  | 2024-01-01T01:00:00Z |
  | b | 8   | 2024-01-01T00:00:50Z |

rows long:
  | k | total | parts | window_start         | window_end           |
  | a | 16    | 1     | 2024-01-01T00:01:00Z | 2024-01-01T00:02:00Z |
  | a | 32    | 1     | 2024-01-01T00:02:00Z | 2024-01-01T00:03:00Z |
  | a | 7     | 2     | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | b | 64    | 1     | 2024-01-01T01:00:00Z | 2024-01-01T01:01:00Z |
  | b | 8     | 1     | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |

rows everything:
  | total | keys | window_start         |
  | 63    | 2    | 2024-01-01T00:00:00Z |
  | 64    | 1    | 2024-01-01T01:00:00Z |
