-- What is late for a short window is on time for a long one; a stream without windows knows no lateness.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream short:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

stream long:
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

stream rows:
  SELECT n FROM t

stream table:
  SELECT sum(n) AS sum FROM t

input t:
  | n  | ts                   |
  | 1  | 2024-01-01T00:00:05Z |
  | 2  | 2024-01-01T00:00:30Z |
  | 4  | 2024-01-01T00:00:06Z | -- Late in short
  | 8  | 2024-01-01T00:01:00Z |
  | 16 | 2024-01-01T00:00:59Z | -- Late in short; Late in long

rows short:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 2   | 2024-01-01T00:00:30Z |
  | 8   | 2024-01-01T00:01:00Z |

rows long:
  | sum | window_start         |
  | 7   | 2024-01-01T00:00:00Z |
  | 8   | 2024-01-01T00:01:00Z |

rows rows:
  | n  |
  | 1  |
  | 16 |
  | 2  |
  | 4  |
  | 8  |

rows table:
  | sum |
  | 31  |
