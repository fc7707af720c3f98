-- Rows that WHERE leaves out are not counted; FILTER leaves a row in the window; HAVING leaves windows out. Keys are computed.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream kept:
  SELECT k, upper(k) AS big, n, ts FROM t WHERE n <> 0

stream out:
  SELECT big, sum(n) FILTER (WHERE n > 0) AS gains, count(*) FILTER (WHERE n < 0) AS losses, avg(n) AS mean, max(n) - min(n) AS spread
  FROM COUNT_WINDOW(kept, 3) GROUP BY big, window_start HAVING sum(n) > -100

input t:
  | k | n    | ts                   |
  | a | 1    | 2024-01-01T00:00:00Z |
  | A | -3   | 2024-01-01T00:00:01Z |
  | a | 0    | 2024-01-01T00:00:02Z |
  | a |      | 2024-01-01T00:00:03Z |
  | a | 5    | 2024-01-01T00:00:04Z |
  | a | -90  | 2024-01-01T00:00:05Z |
  | a | -9   | 2024-01-01T00:00:06Z |
  | a | -1   | 2024-01-01T00:00:07Z |
  | b | -1   | 2024-01-01T00:00:08Z |
  | b | -2   | 2024-01-01T00:00:09Z |
  | b | -3   | 2024-01-01T00:00:10Z |

rows kept:
  | k | big | n   | ts                   |
  | A | A   | -3  | 2024-01-01T00:00:01Z |
  | a | A   | -1  | 2024-01-01T00:00:07Z |
  | a | A   | -9  | 2024-01-01T00:00:06Z |
  | a | A   | -90 | 2024-01-01T00:00:05Z |
  | a | A   | 1   | 2024-01-01T00:00:00Z |
  | a | A   | 5   | 2024-01-01T00:00:04Z |
  | b | B   | -1  | 2024-01-01T00:00:08Z |
  | b | B   | -2  | 2024-01-01T00:00:09Z |
  | b | B   | -3  | 2024-01-01T00:00:10Z |

rows out:
  | big | gains | losses | mean | spread |
  | A   | 6     | 1      | 1.0  | 8      |
  | B   | null  | 3      | -2.0 | 2      |
