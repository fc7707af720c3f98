-- A key that is null is a key.

source t: g String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT g, n FROM (SELECT g, n, row_number() OVER (PARTITION BY g, window_start, window_end ORDER BY n NULLS LAST) AS rn FROM TUMBLE(t, ts, INTERVAL '1' HOUR)) WHERE rn = 1

input t:
  | # | g | n  | ts                   |
  | 0 |   | 3  | 2024-03-31T00:59:00Z |
  | 1 |   | 2  | 2024-03-31T00:59:30Z |
  | 0 | x |    | 2024-03-31T00:59:30Z |
  | 1 | x | -7 | 2024-03-31T00:59:59Z |
  | 0 | x |    | 2024-03-31T01:00:00Z |
  | 1 |   | 0  | 2024-02-29T23:00:00Z | -- Late in out

rows out:
  | g    | n    |
  | null | 2    |
  | x    | -7   |
  | x    | null |
