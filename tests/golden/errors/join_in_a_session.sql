-- Rows decide where sessions and windows by count begin and end: what a join would leave out does, too.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source c: k String, city String
  table: {primaryKey: [k]}

stream inner_join:
  SELECT c.city, sum(t.n) AS sum FROM SESSION(t, ts, INTERVAL '10' SECOND) t JOIN c ON t.k = c.k GROUP BY c.city, window_start

stream behind_where:
  SELECT c.city, sum(s.n) AS sum FROM (SELECT * FROM COUNT_WINDOW(t, 2) WHERE n > 0) s LEFT JOIN c ON s.k = c.k GROUP BY c.city, window_start

stream left_join:
  SELECT c.city, sum(t.n) AS sum FROM SESSION(t, ts, INTERVAL '10' SECOND) t LEFT JOIN c ON t.k = c.k WHERE c.city IS NOT NULL GROUP BY c.city, window_start

errors:
  spec.streams[0].sql, line 1, column 48: the windows of SESSION and COUNT_WINDOW are opened before the join, over rows that it leaves out, too (join in a stream of its own, and open windows over that; or write LEFT JOIN, and WHERE behind it)
  spec.streams[1].sql, line 1, column 52: the windows of SESSION and COUNT_WINDOW are opened before the join, over rows that it leaves out, too (join in a stream of its own, and open windows over that; or write LEFT JOIN, and WHERE behind it)
