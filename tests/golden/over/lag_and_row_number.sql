-- The row before, by one and by two, and the number of the row.

source t: k String, n Int64, s String, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}
  partitionedBy: [k]

stream out:
  SELECT k, n, n - lag(n) OVER (PARTITION BY k ORDER BY ts) AS change, lag(s, 2) OVER (PARTITION BY k ORDER BY ts) AS two_before,
    row_number() OVER (PARTITION BY k ORDER BY ts) AS number
  FROM t

input t:
  | k | n  | s     | ts                   |
  | a | 10 | one   | 2024-01-01T00:00:00Z |
  | a | 13 | two   | 2024-01-01T00:00:30Z |
  | a | 11 |       | 2024-01-01T00:00:10Z |
  | b | 1  | alone | 2024-01-01T00:00:20Z |
  | a |    | four  | 2024-01-01T00:02:00Z |
  | a | 20 | five  | 2024-01-02T00:00:00Z |

rows out:
  | k | n    | change | two_before | number |
  | a | 10   | null   | null       | 1      |
  | a | 11   | 1      | null       | 2      |
  | a | 13   | 2      | one        | 3      |
  | a | 20   | null   | two        | 5      |
  | a | null | null   | null       | 4      |
  | b | 1    | null   | null       | 1      |
