-- OVER is in the order of the event time, from the first on.

source t: k String, n Int64, ts Timestamp, other Timestamp
  eventTime: {column: ts}

source plain: k String, n Int64, ts Timestamp

stream by_another:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY other) AS a FROM t

stream from_the_last:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY ts DESC) AS a FROM t

stream without_time:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY ts) AS a FROM plain

stream grouped:
  SELECT k, count(*) AS rows, sum(count(*)) OVER (PARTITION BY k ORDER BY k) AS b FROM t GROUP BY k

stream months:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '1' MONTH PRECEDING) AS a FROM t

stream rows_back:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS 20000 PRECEDING) AS a, lag(n, -1) OVER (PARTITION BY k ORDER BY ts) AS b FROM t

errors:
  spec.streams[0].sql, line 1, column 18: OVER is in the order of the event time of `t` (write ORDER BY ts)
  spec.streams[1].sql, line 1, column 18: OVER is in the order of the event time of `t` (write ORDER BY ts)
  spec.streams[2].sql, line 1, column 18: OVER is in the order of an event time, and `plain` has none (give the source of `plain` an eventTime)
  spec.streams[3].sql, line 1, column 88: the rows of a grouping without a window replace each other: they are not grouped, joined or put together again (group the inner query by a window; for count over DISTINCT, write count(DISTINCT …))
  spec.streams[4].sql, line 1, column 18: months and years differ in length, so no frame is so long (write RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW)
  spec.streams[5].sql, line 1, column 18: ROWS goes back a number of rows, up to 10000 (write ROWS 10 PRECEDING)
