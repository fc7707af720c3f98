-- Months have no fixed length: a window cannot be one.

source t: k String, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '1' MONTH) GROUP BY k, window_start, window_end

errors:
  spec.streams[0].sql, line 1, column 70: months and years differ in length, so no window is so long (write INTERVAL '10' SECOND, or MINUTE, HOUR, DAY)
