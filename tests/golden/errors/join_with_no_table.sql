-- Only a source that is a table can be joined, and what replaces its rows cannot join one.

source t: k String, n Int64

source c: k String, city String
  table: {primaryKey: [k]}

stream named:
  SELECT k, city FROM c WHERE city IS NOT NULL

stream with_a_stream:
  SELECT t.n FROM t JOIN named ON t.k = named.k

stream of_a_table:
  SELECT c.k FROM c JOIN c other ON c.city = other.k

errors:
  spec.streams[1].sql, line 1, column 24: the rows of `named` replace each other, and it is no source that is a table: it cannot be joined (JOIN sources that have a `table` with its primaryKey, or streams that only add rows)
  spec.streams[2].sql, line 1, column 24: a table is joined with a table by all columns of both primary keys, and here it is by others (write ON with = between the primary keys; by other columns, a stream is joined with each)
