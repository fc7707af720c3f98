-- Rows wait in event time, and not in windows that are open already.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source u: k String, n Int64

source c: k String, city String
  table: {primaryKey: [k]}

stream no_time:
  onMissing: {waitFor: 5s}
  SELECT u.n, c.city FROM u JOIN c ON u.k = c.k

stream time_is_gone:
  onMissing: {waitFor: 5s}
  SELECT r.n, c.city FROM (SELECT k, n FROM t) r JOIN c ON r.k = c.k

stream in_a_window:
  onMissing: {waitFor: 5s}
  SELECT c.city, sum(t.n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) t JOIN c ON t.k = c.k GROUP BY c.city, window_start

stream no_span:
  onMissing: {waitFor: 0s}
  SELECT t.n, c.city FROM t JOIN c ON t.k = c.k

stream no_join:
  onMissing: {waitFor: 5s}
  SELECT n FROM t

errors:
  spec.streams[0].sql, line 1, column 27: rows wait in event time, and the rows that are joined here have none (give the source an eventTime, and select that column in subqueries)
  spec.streams[1].sql, line 1, column 48: rows wait in event time, and the rows that are joined here have none (give the source an eventTime, and select that column in subqueries)
  spec.streams[2].sql, line 1, column 61: the windows are opened before the join, and rows may wait longer than they are open (join in a stream of its own, and open windows over that)
  spec.streams[3].onMissing: 0s is no time (write how long rows wait, such as 5s, or Emit)
  spec.streams[4].onMissing: the query joins no table (leave it out)
