-- Ranks by decimals, floats and texts, before 1970.

source t: k String, d Decimal(38,10), x Float64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, by_number FROM (SELECT k, row_number() OVER (PARTITION BY window_start, window_end ORDER BY d DESC, x, k DESC) AS by_number FROM TUMBLE(t, ts, INTERVAL '1' DAY)) WHERE by_number <= 3

input t:
  | # | k  | d                             | x    | ts                   |
  | 0 | a  | 0.0000000001                  | 1    | 1969-12-31T00:00:00Z |
  | 1 | b  | 9999999999999999999999999999  | 1    | 1969-12-31T23:59:59Z |
  | 0 | c  | 0.0000000001                  | -1   | 1969-12-31T12:00:00Z |
  | 1 | d  | 0.0000000001                  | -1   | 1969-12-31T11:00:00Z |
  | 0 | e  | -5                            | -9   | 1970-01-01T00:00:00Z |
  | 1 | f  | -5                            | -8.5 | 1970-01-02T12:00:00Z |

rows out:
  | k | by_number |
  | b | 1         |
  | c | 3         |
  | d | 2         |
  | e | 1         |
  | f | 1         |
