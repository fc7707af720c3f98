-- What OVER cannot be, each at its place.

source t: k String, n Int64, ts Timestamp, other Timestamp
  eventTime: {column: ts}

stream functions:
  SELECT k, lead(n) OVER (PARTITION BY k ORDER BY ts) AS a, ntile(3) OVER (PARTITION BY k ORDER BY ts) AS b,
    sum(DISTINCT n) OVER (PARTITION BY k ORDER BY ts) AS c, sum(n) FILTER (WHERE n > 1) OVER (PARTITION BY k ORDER BY ts) AS d
  FROM t

stream frames:
  SELECT k, sum(n) OVER (PARTITION BY k) AS a, sum(n) OVER (PARTITION BY k ORDER BY ts, n) AS b,
    sum(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS c,
    sum(n) OVER (PARTITION BY k ORDER BY ts GROUPS 2 PRECEDING) AS d,
    sum(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS e
  FROM t

errors:
  spec.streams[0].sql, line 1, column 11: lead(…) OVER looks at rows that have not come (use lag, from the later row)
  spec.streams[0].sql, line 1, column 59: ntile(…) OVER is not supported (there are avg, count, first_value, lag, last_value, max, min, row_number, sum)
  spec.streams[0].sql, line 2, column 3: sum(…) OVER takes its arguments as they are (leave out DISTINCT, IGNORE NULLS, and ORDER BY among the arguments)
  spec.streams[0].sql, line 2, column 59: sum(…) OVER with FILTER is not supported (write CASE WHEN … THEN … END as the argument)
  spec.streams[1].sql, line 1, column 11: sum(…) OVER all rows cannot be done: a stream has no last row (write ORDER BY and the event time: a row has those up to it)
  spec.streams[1].sql, line 2, column 3: sum(…) OVER rows that follow cannot be done: they have not come (write … PRECEDING AND CURRENT ROW)
  spec.streams[1].sql, line 3, column 3: sum(…) OVER GROUPS is not supported (write RANGE or ROWS)
  spec.streams[1].sql, line 4, column 3: sum(…) OVER rows without the current one is not supported (write … PRECEDING AND CURRENT ROW)
