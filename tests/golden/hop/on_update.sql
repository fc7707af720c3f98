-- Handed on as it changes: a record changes the rows of all its windows.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}

stream out:
  emit: {when: OnUpdate}
  SELECT k, sum(n) AS sum, count(*) AS rows, window_start FROM HOP(t, ts, INTERVAL '10' SECOND, INTERVAL '20' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:05Z |
  | b | 2 | 2024-01-01T00:00:15Z |

rows out so far:
  | k | sum | rows | window_start         |
  | a | 1   | 1    | 2023-12-31T23:59:50Z |
  | a | 1   | 1    | 2024-01-01T00:00:00Z |
  | b | 2   | 1    | 2024-01-01T00:00:00Z |
  | b | 2   | 1    | 2024-01-01T00:00:10Z |

input t:
  | k | n | ts                   |
  | a | 4 | 2024-01-01T00:00:12Z |
  | b | 8 | 2024-01-01T00:00:01Z |

rows out:
  | k | sum | rows | window_start         |
  | a | 1   | 1    | 2023-12-31T23:59:50Z |
  | a | 4   | 1    | 2024-01-01T00:00:10Z |
  | a | 5   | 2    | 2024-01-01T00:00:00Z |
  | b | 10  | 2    | 2024-01-01T00:00:00Z |
  | b | 2   | 1    | 2024-01-01T00:00:10Z |
  | b | 8   | 1    | 2023-12-31T23:59:50Z |
