-- Rows of two streams that nothing brings together.

source a: k String, n Int64, until Timestamp, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream unbounded:
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k

stream after:
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts >= a.ts

stream before:
  SELECT a.n, b.m FROM a
  LEFT JOIN b ON a.k = b.k AND b.ts <= a.ts + INTERVAL '1' MINUTE

stream months:
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MONTH AND a.ts

stream by_a_column:
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.until

stream keyless:
  SELECT a.n, b.m FROM a JOIN b ON a.n < b.m AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts

stream empty:
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts - INTERVAL '1' MINUTE

stream other_time:
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.until - INTERVAL '1' MINUTE AND a.until

stream cross_join:
  SELECT a.n, b.m FROM a CROSS JOIN b

stream comma:
  SELECT a.n, b.m FROM a, b WHERE a.k = b.k AND b.ts = a.ts

stream using_full:
  SELECT k FROM a FULL JOIN b USING (k)

stream late:
  allowedLateness: 5s
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts

stream emitted:
  emit: {when: OnUpdate}
  SELECT a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts

errors:
  spec.streams[8].sql, line 1, column 30: a join is written with JOIN, LEFT, RIGHT or FULL JOIN, and has a condition (write FROM stream LEFT JOIN table ON stream.column = table.key)
  spec.streams[9].sql, line 1, column 25: a join is written with JOIN, LEFT, RIGHT or FULL JOIN, and has a condition (write FROM stream LEFT JOIN table ON stream.column = table.key)
  spec.streams[10].sql, line 1, column 22: USING has no meaning where rows of the right side go on alone (write ON with = between the columns of both sides)
  spec.streams[0].sql, line 1, column 24: how far apart in time two rows may be that belong together is not said (write ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts, with the event times of both and intervals of days or less; windows are joined by window_start and window_end)
  spec.streams[1].sql, line 1, column 24: how late a row may be after one that it belongs to is not said (write ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts, with the event times of both and intervals of days or less; windows are joined by window_start and window_end)
  spec.streams[2].sql, line 2, column 6: how early a row may be before one that it belongs to is not said (write ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts, with the event times of both and intervals of days or less; windows are joined by window_start and window_end)
  spec.streams[3].sql, line 1, column 24: how early a row may be before one that it belongs to is not said (write ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts, with the event times of both and intervals of days or less; windows are joined by window_start and window_end)
  spec.streams[4].sql, line 1, column 24: how late a row may be after one that it belongs to is not said (write ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts, with the event times of both and intervals of days or less; windows are joined by window_start and window_end)
  spec.streams[5].sql, line 1, column 24: no value of one stream is equal to one of the other (write ON with = between a column of each, besides their times)
  spec.streams[6].sql, line 1, column 24: no two times are so far apart as is asked here (let the first bound of BETWEEN be the earlier one)
  spec.streams[7].sql, line 1, column 24: how far apart in time two rows may be that belong together is not said (write ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts, with the event times of both and intervals of days or less; windows are joined by window_start and window_end)
  spec.streams[11].allowedLateness: rows that are counted or joined, or have OVER, go on once, and wait for late ones no longer than the watermark does (set outOfOrderness of the source's eventTime)
  spec.streams[12].emit: without GROUP BY each row is handed on by itself (leave it out)
