-- A row is late by the rows of its own source; the other goes on. The window that waits takes it all the same.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream together:
  SELECT k, n, ts FROM a UNION ALL SELECT k, n, ts FROM b

stream sums:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(together, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input a:
  | k | n | ts                   |
  | x | 1 | 2024-01-01T00:00:01Z |
  | x | 2 | 2024-01-01T00:00:25Z |
  | x | 4 | 2024-01-01T00:00:03Z | -- Late in sums

input b:
  | k | n  | ts                   |
  | x | 8  | 2024-01-01T00:00:02Z |
  | x | 16 | 2024-01-01T00:00:09Z |

rows together:
  | k | n  | ts                   |
  | x | 1  | 2024-01-01T00:00:01Z |
  | x | 16 | 2024-01-01T00:00:09Z |
  | x | 2  | 2024-01-01T00:00:25Z |
  | x | 4  | 2024-01-01T00:00:03Z |
  | x | 8  | 2024-01-01T00:00:02Z |

rows sums:
  | sum | window_start         |
  | 2   | 2024-01-01T00:00:20Z |
  | 25  | 2024-01-01T00:00:00Z |
