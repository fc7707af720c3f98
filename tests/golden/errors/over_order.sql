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

stream two_keys:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY ts) AS a, sum(n) OVER (PARTITION BY n ORDER BY ts) AS b FROM t

stream grouped:
  SELECT k, count(*) AS rows, sum(count(*)) OVER (PARTITION BY k ORDER BY k) AS b FROM t GROUP BY k

stream months:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '1' MONTH PRECEDING) AS a FROM t

stream rows_back:
  SELECT k, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS 20000 PRECEDING) AS a, lag(n, -1) OVER (PARTITION BY k ORDER BY ts) AS b FROM t

errors:
