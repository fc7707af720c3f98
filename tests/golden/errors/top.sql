-- Rows are ranked in windows alone.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream totals:
  SELECT k, sum(n) AS sum FROM t GROUP BY k

stream of_no_window:
  SELECT k, n FROM (SELECT k, n, row_number() OVER (PARTITION BY k ORDER BY n DESC) AS rn FROM t) WHERE rn <= 3

stream of_starts:
  SELECT k, n FROM (SELECT k, n, row_number() OVER (PARTITION BY window_start ORDER BY n DESC) AS rn FROM TUMBLE(t, ts, INTERVAL '10' SECOND)) WHERE rn <= 3

stream of_a_table:
  SELECT k, sum FROM (SELECT k, sum, row_number() OVER (ORDER BY sum DESC) AS rn FROM totals) WHERE rn <= 3

stream of_sums:
  SELECT k, n, sum(n) OVER (PARTITION BY k, window_end ORDER BY n) AS s FROM TUMBLE(t, ts, INTERVAL '10' SECOND)

errors:
  spec.streams[1].sql, line 1, column 45: rows of no window are never all there, so their numbers would change with each (add window_start, window_end to PARTITION BY, or write ORDER BY the event time)
  spec.streams[2].sql, line 1, column 45: rows of no window are never all there, so their numbers would change with each (add window_start, window_end to PARTITION BY, or write ORDER BY the event time)
  spec.streams[3].sql, line 1, column 49: the rows of `totals` replace each other, so their numbers would change (number the rows of a stream that only adds them)
  spec.streams[4].sql, line 1, column 21: OVER is in the order of the event time of `t` (write ORDER BY ts)
