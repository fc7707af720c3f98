-- Times before 1970, and a key that is null.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, ts, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW) AS day
  FROM t

input t:
  | k | n  | ts                   |
  | a | 1  | 1969-12-30T12:00:00Z |
  |   | 2  | 1969-12-31T00:00:00Z |
  | a | 4  | 1969-12-31T12:00:00Z |
  | a | 8  | 1969-12-31T12:00:01Z |
  |   | 16 | 1970-01-01T00:00:00Z |
  |   | 32 | 1970-01-01T00:00:01Z |

rows out:
  | k    | ts                   | day |
  | a    | 1969-12-30T12:00:00Z | 1   |
  | a    | 1969-12-31T12:00:00Z | 5   |
  | a    | 1969-12-31T12:00:01Z | 12  |
  | null | 1969-12-31T00:00:00Z | 2   |
  | null | 1970-01-01T00:00:00Z | 18  |
  | null | 1970-01-01T00:00:01Z | 48  |
