-- A window needs the source's event time.

source t: k String, ts Timestamp

stream out:
  SELECT k, count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

errors:
  spec.streams[0].sql, line 1, column 57: `ts` is not the event time of `t` (give the source of `t` an eventTime)
