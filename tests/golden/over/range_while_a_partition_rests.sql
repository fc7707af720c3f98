-- A partition without records holds nothing back once it is idle. What it then brings is late where later rows have gone on.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, ts, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '1' MINUTE PRECEDING) AS sum FROM t

stream pairs:
  SELECT k, sum(n) AS sum, window_end FROM COUNT_WINDOW(t, 2) GROUP BY k, window_end

input t:
  | # | k | n  | ts                   |
  | 0 | a | 1  | 2024-01-01T00:00:00Z |
  | 1 | a | 2  | 2024-01-01T00:00:10Z |
  | 0 | b | 4  | 2024-01-01T00:00:30Z |
  idle 1
  | 1 | b | 8  | 2024-01-01T00:00:20Z | -- Late in out; Late in pairs
  | 1 | b | 16 | 2024-01-01T00:01:30Z |
  | 0 | a | 32 | 2024-01-01T00:01:05Z |
  | 0 | a | 64 | 2024-01-01T00:02:00Z |

rows out:
  | k | ts                   | sum |
  | a | 2024-01-01T00:00:00Z | 1   |
  | a | 2024-01-01T00:00:10Z | 3   |
  | a | 2024-01-01T00:01:05Z | 34  |
  | a | 2024-01-01T00:02:00Z | 96  |
  | b | 2024-01-01T00:00:30Z | 4   |
  | b | 2024-01-01T00:01:30Z | 20  |

rows pairs:
  | k | sum | window_end                  |
  | a | 3   | 2024-01-01T00:00:10.000001Z |
  | a | 96  | 2024-01-01T00:02:00.000001Z |
  | b | 20  | 2024-01-01T00:01:30.000001Z |
