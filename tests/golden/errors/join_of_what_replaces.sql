-- Rows that replace each other, and those without a time, are joined with no stream.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source t: k String, o Int64, ts Timestamp

source c: k String, city String
  table: {primaryKey: [k]}

stream counts:
  SELECT k, count(*) AS rows FROM a GROUP BY k

stream table_first:
  SELECT c.k, a.n FROM c JOIN a ON c.k = a.k AND a.ts = a.ts

stream counted:
  SELECT a.n, q.rows FROM a JOIN (SELECT k, count(*) AS rows FROM a GROUP BY k) q ON a.k = q.k

stream counted_first:
  SELECT a.n, q.rows FROM counts q JOIN a ON a.k = q.k

stream timeless:
  SELECT a.n, t.o FROM a JOIN t ON a.k = t.k

stream hops:
  SELECT l.n, r.n AS other FROM HOP(a, ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE) l JOIN HOP(a, ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE) r
  ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end

stream lost:
  SELECT l.n, a.n AS other FROM (SELECT k, n FROM a) l JOIN a ON l.k = a.k AND a.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts

errors:
  spec.streams[1].sql, line 1, column 24: a stream is looked up in the table `c`, and not the other way round (write FROM with the stream, and JOIN c)
  spec.streams[2].sql, line 1, column 67: the rows of a grouping without a window replace each other: they are not grouped, joined or put together again (group the inner query by a window; for count over DISTINCT, write count(DISTINCT …))
  spec.streams[3].sql, line 1, column 25: the rows of `counts` replace each other, and cannot be put together with others (read a source that is a stream, or a stream that only adds rows)
  spec.streams[4].sql, line 1, column 24: streams are joined by their times, and `t` has none (give the source of `t` an eventTime)
  spec.streams[5].sql, line 1, column 38: the rows of HOP, CUMULATE and SESSION windows are grouped by them (add GROUP BY window_start, window_end)
  spec.streams[6].sql, line 1, column 54: streams are joined by their times, and that of `a` is gone here (select the event time in the subquery, or window_end)
