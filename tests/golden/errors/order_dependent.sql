-- An aggregate that depends on the order of rows.

source t: k String, n Int64

stream out:
  SELECT k, first_value(n) AS first, array_agg(n) AS all_of_them FROM t GROUP BY k

errors:
  spec.streams[0].sql, line 1, column 11: the result of first_value depends on the order of rows, which a stream does not fix (use min, max, count or another aggregate that does not)
  spec.streams[0].sql, line 1, column 36: the result of array_agg depends on the order of rows, which a stream does not fix (use min, max, count or another aggregate that does not)
