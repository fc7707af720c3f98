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
  ?
