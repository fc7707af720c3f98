-- Grouping by one of the bounds is grouping by the window.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream by_start:
  SELECT window_start, sum(n) AS sum FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start

stream by_end:
  SELECT window_end, sum(n) AS sum FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_end

input t:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:00Z |
  | 2 | 2024-01-01T00:00:09Z |
  | 4 | 2024-01-01T00:00:10Z |

rows by_start:
  | window_start         | sum |
  | 2024-01-01T00:00:00Z | 3   |
  | 2024-01-01T00:00:10Z | 4   |

rows by_end:
  | window_end           | sum |
  | 2024-01-01T00:00:10Z | 3   |
  | 2024-01-01T00:00:20Z | 4   |
