-- A window is over the event time and no other column.

source t: k String, ts Timestamp, other Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, count(*) AS rows, window_start FROM TUMBLE(t, other, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

errors:
  spec.streams[0].sql, line 1, column 57: `other` is not the event time of `t` (write `ts`)
