-- Everything that is wrong is said at once, each at its place.

source t: k String, n Int64

stream out:
  SELECT now() AS t, random() AS r
  FROM t
  ORDER BY k
  LIMIT 10

errors:
  spec.streams[0].sql, line 1, column 8: now gives another value each time, and a replay must give the same rows (use a column of the record, such as its event time)
  spec.streams[0].sql, line 1, column 20: random gives another value each time, and a replay must give the same rows (use a column of the record, such as its event time)
  spec.streams[0].sql, line 3, column 1: ORDER BY cannot be done: a stream has no last row (leave it out, and order the rows where they are read)
  spec.streams[0].sql, line 4, column 1: LIMIT cannot be done: a stream has no last row (leave it out, or filter with WHERE or HAVING)
