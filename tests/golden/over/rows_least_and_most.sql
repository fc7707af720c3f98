-- The least and the most of three rows, of numbers that fall and rise, and of texts.

source t: k String, n Int64, s String, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}
  partitionedBy: [k]

stream out:
  SELECT k, ts, min(n) OVER (PARTITION BY k ORDER BY ts ROWS 2 PRECEDING) AS least, max(n) OVER (PARTITION BY k ORDER BY ts ROWS 2 PRECEDING) AS most,
    min(s) OVER (PARTITION BY k ORDER BY ts ROWS 2 PRECEDING) AS first_text, max(s) OVER (PARTITION BY k ORDER BY ts ROWS 2 PRECEDING) AS last_text
  FROM t

input t:
  | k | n                    | s  | ts                   |
  | a | 5                    | d  | 2024-01-01T00:00:01Z |
  | a | 4                    | c  | 2024-01-01T00:00:02Z |
  | a | 2                    | c  | 2024-01-01T00:00:04Z |
  | a | 3                    |    | 2024-01-01T00:00:03Z |
  | a | -9223372036854775808 | "" | 2024-01-01T00:00:05Z |
  | a | 9223372036854775807  | z  | 2024-01-01T00:00:06Z |
  | a | 0                    | a  | 2024-01-01T00:00:07Z |
  | a | 0                    | b  | 2024-01-01T00:00:08Z |
  | a | 1                    | b  | 2024-01-01T00:00:00Z |

rows out:
  | k | ts                   | least                | most                | first_text | last_text |
  | a | 2024-01-01T00:00:00Z | 1                    | 1                   | b          | b         |
  | a | 2024-01-01T00:00:01Z | 1                    | 5                   | b          | d         |
  | a | 2024-01-01T00:00:02Z | 1                    | 5                   | b          | d         |
  | a | 2024-01-01T00:00:03Z | 3                    | 5                   | c          | d         |
  | a | 2024-01-01T00:00:04Z | 2                    | 4                   | c          | c         |
  | a | 2024-01-01T00:00:05Z | -9223372036854775808 | 3                   | ""         | c         |
  | a | 2024-01-01T00:00:06Z | -9223372036854775808 | 9223372036854775807 | ""         | z         |
  | a | 2024-01-01T00:00:07Z | -9223372036854775808 | 9223372036854775807 | ""         | z         |
  | a | 2024-01-01T00:00:08Z | 0                    | 9223372036854775807 | a          | z         |
