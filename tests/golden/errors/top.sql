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
