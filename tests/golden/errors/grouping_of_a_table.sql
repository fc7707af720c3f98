-- What an inner grouping without a window gives cannot be counted: its rows replace each other.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream sizes:
  SELECT rows, count(*) AS keys FROM (SELECT k, count(*) AS rows FROM t GROUP BY k) GROUP BY rows

stream all:
  SELECT k, count(*) AS rows FROM t GROUP BY k UNION ALL SELECT k, n FROM t

stream by_start:
  SELECT window_start, max(rows) AS rows FROM (
    SELECT count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end
  ) GROUP BY window_start

stream over_the_end:
  WITH tens AS (SELECT count(*) AS rows, window_start AS begin, window_end AS over FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end)
  SELECT sum(rows) AS rows, window_start FROM TUMBLE(tens, over, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

errors:
  spec.streams[0].sql, line 1, column 71: the rows of a grouping without a window replace each other: they are not grouped, joined or put together again (group the inner query by a window; for count over DISTINCT, write count(DISTINCT …))
  spec.streams[1].sql, line 1, column 35: the rows of a grouping without a window replace each other: they are not grouped, joined or put together again (group the inner query by a window; for count over DISTINCT, write count(DISTINCT …))
  spec.streams[2].sql, line 3, column 3: rows of windows are grouped by the end of their window (add window_end to GROUP BY, and to the SELECT list that it comes from)
  spec.streams[3].sql, line 2, column 58: `over` is not the event time of the subquery (write `begin`: the windows are in it)
