-- A frame of the current row alone is the row.

source t: k String, n Int32, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, n, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS CURRENT ROW) AS one,
    count(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 0 PRECEDING AND CURRENT ROW) AS values,
    sum(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 10000 PRECEDING AND CURRENT ROW) AS many
  FROM t

input t:
  | # | k | n           | ts                   |
  | 0 | a | 2147483647  | 2024-01-01T00:00:00Z |
  | 1 | a | 2147483647  | 2024-01-01T00:00:01Z |
  | 0 | b |             | 2024-01-01T00:00:02Z |
  | 1 | b | -2147483648 | 2024-01-01T00:00:03Z |
  | 0 | a | -1          | 2024-01-01T00:00:04Z |

rows out:
  | k | n           | one         | values | many        |
  | a | -1          | -1          | 1      | 4294967293  |
  | a | 2147483647  | 2147483647  | 1      | 2147483647  |
  | a | 2147483647  | 2147483647  | 1      | 4294967294  |
  | b | -2147483648 | -2147483648 | 1      | -2147483648 |
  | b | null        | null        | 0      | null        |
