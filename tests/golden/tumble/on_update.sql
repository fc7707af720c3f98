-- With emit OnUpdate a window's row is there before it closes, and is replaced.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  emit: {when: OnUpdate}
  SELECT k, sum(n) AS sum, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:01Z |
  | b | 2 | 2024-01-01T00:00:02Z |

rows out so far:
  | k | sum | window_start         | window_end           |
  | a | 1   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | b | 2   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |

input t:
  | k | n | ts                   |
  | a | 4 | 2024-01-01T00:00:09Z |
  | a | 8 | 2024-01-01T00:00:11Z |

rows out so far:
  | k | sum | window_start         | window_end           |
  | a | 5   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | b | 2   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | a | 8   | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z |

rows out:
  | k | sum | window_start         | window_end           |
  | a | 5   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | a | 8   | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z |
  | b | 2   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
