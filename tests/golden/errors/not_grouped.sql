-- A column that is neither grouped by nor aggregated.

source t: k String, n Int64

stream out:
  SELECT k, n, count(*) AS rows FROM t GROUP BY k

errors:
  spec.streams[0].sql, line 1, column 11: `n` is neither grouped by nor aggregated (add it to GROUP BY, or use an aggregate such as max)
