-- Handed on as it changes: a record changes the rows of all its windows, which their ends tell apart.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  emit: {when: OnUpdate}
  SELECT k, count(*) AS rows, window_end FROM CUMULATE(t, ts, INTERVAL '10' SECOND, INTERVAL '20' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:05Z |

rows out so far:
  | k | rows | window_end           |
  | a | 1    | 2024-01-01T00:00:10Z |
  | a | 1    | 2024-01-01T00:00:20Z |

input t:
  | k | n | ts                   |
  | a | 2 | 2024-01-01T00:00:12Z |
  | b | 2 | 2024-01-01T00:00:08Z |

rows out:
  | k | rows | window_end           |
  | a | 1    | 2024-01-01T00:00:10Z |
  | a | 2    | 2024-01-01T00:00:20Z |
  | b | 1    | 2024-01-01T00:00:10Z |
  | b | 1    | 2024-01-01T00:00:20Z |
