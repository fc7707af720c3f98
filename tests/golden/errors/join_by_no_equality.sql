-- A table is found by columns that are equal to something.

source t: k String, n Int64

source c: k String, most Int64
  table: {primaryKey: [k]}

stream out:
  SELECT t.n FROM t JOIN c ON t.n < c.most

errors:
  spec.streams[0].sql, line 1, column 24: no column of `c` is equal to a value of the row (write ON with = between a column of the table and a value of the same type)
