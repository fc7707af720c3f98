-- The first value and the last of a frame, null or not.

source t: k String, s String, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, s, first_value(s) OVER (PARTITION BY k ORDER BY ts) AS first,
    first_value(s) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW) AS of_ten,
    first_value(s) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS before,
    last_value(s) OVER (PARTITION BY k ORDER BY ts) AS last
  FROM t

input t:
  | k | s | ts                   |
  | a |   | 2024-01-01T00:00:00Z |
  | a | x | 2024-01-01T00:00:04Z |
  | b | m | 2024-01-01T00:00:05Z |
  | a | y | 2024-01-01T00:00:11Z |
  | a |   | 2024-01-01T00:00:12Z |
  | a | z | 2024-01-01T00:00:15Z |

rows out:
  | k | s    | first | of_ten | before | last |
  | a | null | null  | null   | null   | null |
  | a | null | null  | x      | y      | null |
  | a | x    | null  | null   | null   | x    |
  | a | y    | null  | x      | x      | y    |
  | a | z    | null  | y      | null   | z    |
  | b | m    | m     | m      | m      | m    |
