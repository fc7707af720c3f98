-- What is least and most, first and last among texts, dates, times and truths in a span.

source t: k String, s String, d Date, b Boolean, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1s}
  partitionedBy: [k]

stream out:
  SELECT k, ts, min(s) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '2' SECOND PRECEDING) AS least,
    max(s) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '2' SECOND PRECEDING) AS most,
    max(d) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '2' SECOND PRECEDING) AS last_day,
    min(ts) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '2' SECOND PRECEDING) AS since,
    first_value(b) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '2' SECOND PRECEDING) AS first
  FROM t

input t:
  | k | s   | d          | b     | ts                   |
  | a | b   | 2024-02-29 | true  | 2024-01-01T00:00:00Z |
  | a | ""  | 1969-12-31 |       | 2024-01-01T00:00:02Z |
  | a | ä   |            | false | 2024-01-01T00:00:01Z |
  | a |     | 0001-01-01 | true  | 2024-01-01T00:00:04Z |
  | a | abc | 9999-12-31 | false | 2024-01-01T00:00:05Z |
  | a | aa  | 2024-01-01 |       | 2024-01-01T00:00:09Z |

rows out:
  | k | ts                   | least | most | last_day   | since                | first |
  | a | 2024-01-01T00:00:00Z | b     | b    | 2024-02-29 | 2024-01-01T00:00:00Z | true  |
  | a | 2024-01-01T00:00:01Z | b     | ä    | 2024-02-29 | 2024-01-01T00:00:00Z | true  |
  | a | 2024-01-01T00:00:02Z | ""    | ä    | 2024-02-29 | 2024-01-01T00:00:00Z | true  |
  | a | 2024-01-01T00:00:04Z | ""    | ""   | 1969-12-31 | 2024-01-01T00:00:02Z | null  |
  | a | 2024-01-01T00:00:05Z | abc   | abc  | 9999-12-31 | 2024-01-01T00:00:04Z | true  |
  | a | 2024-01-01T00:00:09Z | aa    | aa   | 2024-01-01 | 2024-01-01T00:00:09Z | null  |
