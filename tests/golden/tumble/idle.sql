-- A partition that is idle holds no window back.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:05Z |
  | 0 | a | 2 | 2024-01-01T00:01:00Z |
  | 1 | a | 4 | 2024-01-01T00:00:06Z |

rows out so far:

input t:
  idle 1

rows out so far:
  | k | sum | window_start         |
  | a | 5   | 2024-01-01T00:00:00Z |

input t:
  | # | k | n | ts                   |
  | 1 | a | 8 | 2024-01-01T00:01:01Z |

rows out:
  | k | sum | window_start         |
  | a | 10  | 2024-01-01T00:01:00Z |
  | a | 5   | 2024-01-01T00:00:00Z |
