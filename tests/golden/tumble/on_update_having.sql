-- With emit OnUpdate a row that HAVING no longer keeps is taken away.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  emit: {when: OnUpdate}
  SELECT k, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end HAVING sum(n) < 5

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:01Z |
  | b | 2 | 2024-01-01T00:00:02Z |

rows out so far:
  | k | sum | window_start         |
  | a | 1   | 2024-01-01T00:00:00Z |
  | b | 2   | 2024-01-01T00:00:00Z |

input t:
  | k | n  | ts                   |
  | a | 7  | 2024-01-01T00:00:03Z |
  | b | 9  | 2024-01-01T00:00:03Z |
  | b | -8 | 2024-01-01T00:00:04Z |

rows out:
  | k | sum | window_start         |
  | b | 3   | 2024-01-01T00:00:00Z |
