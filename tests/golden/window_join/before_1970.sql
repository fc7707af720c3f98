-- Windows before 1970, and around it.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT l.n, r.m, l.window_start FROM (SELECT sum(n) AS n, window_start, window_end FROM TUMBLE(a, ts, INTERVAL '7' SECOND) GROUP BY window_start, window_end) l
  FULL JOIN (SELECT sum(m) AS m, window_start, window_end FROM TUMBLE(b, ts, INTERVAL '7' SECOND) GROUP BY window_start, window_end) r
  ON l.window_start = r.window_start AND l.window_end = r.window_end

input a:
  | # | k | n | ts                          |
  | 0 | x | 1 | 1969-12-31T23:59:46Z        |
  | 1 | x | 2 | 1969-12-31T23:59:59.999999Z |
  | 0 | x | 4 | 1970-01-01T00:00:06.999999Z |
  | 1 | x | 8 | 1970-01-01T00:00:07Z        |

input b:
  | # | k | m | ts                          |
  | 0 | x | 1 | 1969-12-31T23:59:53Z        |
  | 1 | x | 2 | 1970-01-01T00:00:00Z        |
  | 0 | x | 4 | 1970-01-01T00:00:14Z        |

rows out:
  | n    | m    | window_start         |
  | 1    | null | 1969-12-31T23:59:46Z |
  | 2    | 1    | 1969-12-31T23:59:53Z |
  | 4    | 2    | 1970-01-01T00:00:00Z |
  | 8    | null | 1970-01-01T00:00:07Z |
  | null | 4    | null                 |
