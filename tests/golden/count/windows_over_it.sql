-- The last moment of a window by count is a time, and windows open over it.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1s}

stream pairs:
  SELECT k, sum(n) AS sum, window_time AS ts FROM COUNT_WINDOW(t, 2) GROUP BY k, window_time

stream out:
  SELECT window_start, sum(sum) AS total, count(*) AS pairs FROM TUMBLE(pairs, ts, INTERVAL '10' SECOND) GROUP BY window_start

stream again:
  SELECT k, sum(sum) AS total, window_end FROM COUNT_WINDOW(pairs, 2) GROUP BY k, window_end

input t:
  | # | k | n   | ts                   |
  | 0 | a | 1   | 2024-01-01T00:00:00Z |
  | 1 | a | 2   | 2024-01-01T00:00:03Z |
  | 0 | b | 4   | 2024-01-01T00:00:09Z |
  | 1 | a | 8   | 2024-01-01T00:00:09.999999Z |
  | 0 | a | 16  | 2024-01-01T00:00:10Z |
  | 1 | b | 32  | 2024-01-01T00:00:30Z |
  | 0 | b | 64  | 2024-01-01T00:00:31Z |
  | 1 | b | 128 | 2024-01-01T00:00:32Z |
  | 0 | a | 256 | 2024-01-01T00:00:33Z |

rows pairs:
  | k | sum | ts                   |
  | a | 24  | 2024-01-01T00:00:10Z |
  | a | 3   | 2024-01-01T00:00:03Z |
  | b | 192 | 2024-01-01T00:00:32Z |
  | b | 36  | 2024-01-01T00:00:30Z |

rows out:
  | window_start         | total | pairs |
  | 2024-01-01T00:00:00Z | 3     | 1     |
  | 2024-01-01T00:00:10Z | 24    | 1     |
  | 2024-01-01T00:00:30Z | 228   | 2     |

rows again:
  | k | total | window_end                  |
  | a | 27    | 2024-01-01T00:00:10.000001Z |
  | b | 228   | 2024-01-01T00:00:32.000001Z |
