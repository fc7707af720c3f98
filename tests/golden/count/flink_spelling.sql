-- In the spelling that Flink has for windows, in a subquery, and of one row each.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, sum FROM (
    SELECT k, window_start, window_end, SUM(n) AS sum FROM TABLE(COUNT_WINDOW(TABLE t, 2)) GROUP BY k, window_start, window_end) WHERE sum > 2

stream ones:
  SELECT k, sum(n) AS sum, window_start, window_end FROM COUNT_WINDOW(t, 1) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-02-29T00:00:00Z |
  | a | 1 | 2024-02-29T23:59:59Z |
  | b | 3 | 2024-02-29T23:59:59Z |
  | a | 5 | 2024-03-01T00:00:00Z |
  | b | 4 | 2024-03-01T00:00:01Z |
  | a | 7 | 2024-03-01T00:00:02Z |

rows out:
  | k | sum |
  | a | 12  |
  | b | 7   |

rows ones:
  | k | sum | window_start         | window_end                  |
  | a | 1   | 2024-02-29T00:00:00Z | 2024-02-29T00:00:00.000001Z |
  | a | 1   | 2024-02-29T23:59:59Z | 2024-02-29T23:59:59.000001Z |
  | a | 5   | 2024-03-01T00:00:00Z | 2024-03-01T00:00:00.000001Z |
  | a | 7   | 2024-03-01T00:00:02Z | 2024-03-01T00:00:02.000001Z |
  | b | 3   | 2024-02-29T23:59:59Z | 2024-02-29T23:59:59.000001Z |
  | b | 4   | 2024-03-01T00:00:01Z | 2024-03-01T00:00:01.000001Z |
