-- What windows by count cannot be.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source still: k String, n Int64

stream no_number:
  SELECT k, count(*) AS c FROM COUNT_WINDOW(t, ts, 5) GROUP BY k, window_start

stream no_time:
  SELECT k, count(*) AS c FROM COUNT_WINDOW(still, 5) GROUP BY k, window_start

stream time_is_gone:
  SELECT DISTINCT k, window_end FROM COUNT_WINDOW(t, 2)

stream no_window:
  SELECT k, count(*) AS c FROM COUNT_WINDOW(t, 5) GROUP BY k

stream no_group:
  SELECT k, window_start FROM COUNT_WINDOW(t, 5)

stream some_rows:
  SELECT k, count(*) AS c FROM COUNT_WINDOW(t, 5) WHERE window_start > '2024-01-01' GROUP BY k, window_start

stream other_functions:
  SELECT k, stddev(n) AS d FROM COUNT_WINDOW(t, 5) GROUP BY k, window_start

stream values:
  SELECT k, count(DISTINCT n) AS d FROM COUNT_WINDOW(t, 5) GROUP BY k, window_start

stream closing:
  emit: {when: OnClose}
  SELECT k, count(*) AS c FROM COUNT_WINDOW(t, 5) GROUP BY k, window_start

stream late:
  allowedLateness: 5s
  SELECT k, count(*) AS c FROM COUNT_WINDOW(t, 5) GROUP BY k, window_start

errors:
  spec.streams[0].sql, line 1, column 30: COUNT_WINDOW takes a table, and how many of its rows are a window (write COUNT_WINDOW(transactions, 10))
  spec.streams[1].sql, line 1, column 30: COUNT_WINDOW is in the order of an event time, and `still` has none (give the source of `still` an eventTime)
  spec.streams[2].sql, line 1, column 36: COUNT_WINDOW is in the order of the event time, which is gone where the rows are grouped (select `ts` in the subquery; for DISTINCT, write GROUP BY)
  spec.streams[3].sql, line 1, column 49: the rows of a window are grouped by it (add window_start, window_end to GROUP BY)
  spec.streams[4].sql, line 1, column 29: the rows of HOP, CUMULATE, SESSION and COUNT_WINDOW are grouped by their windows (add GROUP BY window_start, window_end)
  spec.streams[5].sql, line 1, column 30: the windows of HOP, CUMULATE, SESSION and COUNT_WINDOW are not known before rows are grouped (use window_start and window_end in GROUP BY as they are, and in SELECT and HAVING)
  spec.streams[6].sql, line 1, column 31: `stddev(t.n)` is not among what windows by count have (there are count, sum, avg, min and max, without DISTINCT)
  spec.streams[7].sql, line 1, column 39: `count(DISTINCT t.n)` is not among what windows by count have (there are count, sum, avg, min and max, without DISTINCT)
  spec.streams[8].emit: a window by count has one row, when it is full (leave it out)
  spec.streams[9].allowedLateness: rows that are counted or joined, or have OVER, go on once, and wait for late ones no longer than the watermark does (set outOfOrderness of the source's eventTime)
