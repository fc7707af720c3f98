-- The key of a table must be selected: its rows replace each other by it.

source t: k String, n Int64

stream out:
  SELECT sum(n) AS sum FROM t GROUP BY k

errors:
  spec.streams[0].sql, line 1, column 1: the rows replace each other by `k`, which is not selected (add `k` to the SELECT list)
