-- A stream with OVER is read by others: windows over its event time, and OVER again by another key.

source t: k String, g String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream changes:
  SELECT k, g, ts, n - lag(n) OVER (PARTITION BY k ORDER BY ts) AS change FROM t

stream out:
  SELECT g, window_start, sum(change) AS change, count(*) AS rows FROM TUMBLE(changes, ts, INTERVAL '10' SECOND) GROUP BY g, window_start

stream again:
  SELECT g, ts, change, max(change) OVER (PARTITION BY g ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW) AS most FROM changes

input t:
  | # | k | g | n  | ts                   |
  | 0 | a | x | 1  | 2024-01-01T00:00:01Z |
  | 0 | b | x | 5  | 2024-01-01T00:00:02Z |
  | 1 | a | x | 4  | 2024-01-01T00:00:03Z |
  | 1 | c | y | 2  | 2024-01-01T00:00:08Z |
  | 0 | b | x | 3  | 2024-01-01T00:00:12Z |
  | 1 | c | y | 9  | 2024-01-01T00:00:15Z |
  | 0 | a | x | 10 | 2024-01-01T00:00:11Z |

rows changes:
  | k | g | ts                   | change |
  | a | x | 2024-01-01T00:00:01Z | null   |
  | a | x | 2024-01-01T00:00:03Z | 3      |
  | a | x | 2024-01-01T00:00:11Z | 6      |
  | b | x | 2024-01-01T00:00:02Z | null   |
  | b | x | 2024-01-01T00:00:12Z | -2     |
  | c | y | 2024-01-01T00:00:08Z | null   |
  | c | y | 2024-01-01T00:00:15Z | 7      |

rows out:
  | g | window_start         | change | rows |
  | x | 2024-01-01T00:00:00Z | 3      | 3    |
  | x | 2024-01-01T00:00:10Z | 4      | 2    |
  | y | 2024-01-01T00:00:00Z | null   | 1    |
  | y | 2024-01-01T00:00:10Z | 7      | 1    |

rows again:
  | g | ts                   | change | most |
  | x | 2024-01-01T00:00:01Z | null   | null |
  | x | 2024-01-01T00:00:02Z | null   | null |
  | x | 2024-01-01T00:00:03Z | 3      | 3    |
  | x | 2024-01-01T00:00:11Z | 6      | 6    |
  | x | 2024-01-01T00:00:12Z | -2     | 6    |
  | y | 2024-01-01T00:00:08Z | null   | null |
  | y | 2024-01-01T00:00:15Z | 7      | 7    |
