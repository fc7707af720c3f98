-- Nulls take a place in a frame of rows, and are nothing in it.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, ts, n, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS sum, count(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS values,
    count(*) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS rows, avg(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS mean,
    min(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS least
  FROM t

input t:
  | k | n  | ts                   |
  | a |    | 2024-01-01T00:00:00Z |
  |   | 1  | 2024-01-01T00:00:01Z |
  | a |    | 2024-01-01T00:00:02Z |
  | a | 3  | 2024-01-01T00:00:03Z |
  | a |    | 2024-01-01T00:00:04Z |
  |   | -4 | 2024-01-01T00:00:05Z |
  | a |    | 2024-01-01T00:00:06Z |
  | a | -5 |                      | -- MissingRequired
  |   |    | 2024-01-01T00:00:07Z |

rows out:
  | k    | ts                   | n    | sum  | values | rows | mean | least |
  | a    | 2024-01-01T00:00:00Z | null | null | 0      | 1    | null | null  |
  | a    | 2024-01-01T00:00:02Z | null | null | 0      | 2    | null | null  |
  | a    | 2024-01-01T00:00:03Z | 3    | 3    | 1      | 2    | 3.0  | 3     |
  | a    | 2024-01-01T00:00:04Z | null | 3    | 1      | 2    | 3.0  | 3     |
  | a    | 2024-01-01T00:00:06Z | null | null | 0      | 2    | null | null  |
  | null | 2024-01-01T00:00:01Z | 1    | 1    | 1      | 1    | 1.0  | 1     |
  | null | 2024-01-01T00:00:05Z | -4   | -3   | 2      | 2    | -1.5 | -4    |
  | null | 2024-01-01T00:00:07Z | null | -4   | 1      | 2    | -4.0 | -4    |
