-- WHERE is about rows, HAVING about groups.

source t: k String, n Int64

stream out:
  SELECT k, sum(n) AS sum FROM t WHERE sum(n) > 5 GROUP BY k

errors:
  spec.streams[0].sql, line 1, column 38: aggregate functions are not allowed in the WHERE clause. Consider using HAVING instead
