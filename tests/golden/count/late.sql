-- A row that comes when later ones have been counted is not counted: it is a dead letter, or dropped.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, window_end FROM COUNT_WINDOW(t, 2) GROUP BY k, window_end

stream dropping:
  lateRecords: Drop
  SELECT k, sum(n) AS sum, window_end FROM COUNT_WINDOW(t, 2) GROUP BY k, window_end

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:10Z |
  | a | 2  | 2024-01-01T00:00:05Z |
  | a | 4  | 2024-01-01T00:00:04Z | -- Late in out; Dropped in dropping
  | a | 8  | 2024-01-01T00:01:00Z |
  | b | 16 | 2024-01-01T00:00:54Z | -- Late in out; Dropped in dropping
  | b | 32 | 2024-01-01T00:00:55Z |
  | a | 64 | 2024-01-01T00:01:01Z |

rows out:
  | k | sum | window_end                  |
  | a | 3   | 2024-01-01T00:00:10.000001Z |
  | a | 72  | 2024-01-01T00:01:01.000001Z |

rows dropping:
  | k | sum | window_end                  |
  | a | 3   | 2024-01-01T00:00:10.000001Z |
  | a | 72  | 2024-01-01T00:01:01.000001Z |
