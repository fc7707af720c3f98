-- A partition that never had a record holds windows back, until it is idle.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | # | n | ts                   |
  | 0 | 1 | 2024-01-01T00:00:05Z |
  | 0 | 2 | 2024-01-01T00:01:00Z |

rows out so far:

input t:
  idle 1

rows out so far:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |

rows out:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 2   | 2024-01-01T00:01:00Z |
