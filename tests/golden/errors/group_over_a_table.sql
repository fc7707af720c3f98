-- Rows that replace each other cannot be grouped again.

source t: k String, n Int64

stream sums:
  SELECT k, sum(n) AS sum FROM t GROUP BY k

stream out:
  SELECT sum, count(*) AS keys FROM sums GROUP BY sum

errors:
  spec.streams[1].sql, line 1, column 40: `sums` is a table kept up to date, and its rows cannot be grouped again (group the rows of the source, or of a stream that only adds rows)
