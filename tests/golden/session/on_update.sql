-- Handed on as it changes: a session that grows takes its row before away.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}

stream out:
  emit: {when: OnUpdate}
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 2 | 2024-01-01T00:00:16Z |

rows out so far:
  | k | sum | rows | window_start         | window_end           |
  | a | 1   | 1    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | a | 2   | 1    | 2024-01-01T00:00:16Z | 2024-01-01T00:00:26Z |

input t:
  | k | n | ts                   |
  | a | 4 | 2024-01-01T00:00:08Z |
  | b | 8 | 2024-01-01T00:00:01Z |

rows out:
  | k | sum | rows | window_start         | window_end           |
  | a | 7   | 3    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:26Z |
  | b | 8   | 1    | 2024-01-01T00:00:01Z | 2024-01-01T00:00:11Z |
