-- Tables are joined with each other by their whole primary keys.

source a: k String, city String
  table: {primaryKey: [k]}

source b: k String, city String
  table: {primaryKey: [k]}

source t: k String, n Int64

stream by_another:
  SELECT a.k, b.city FROM a JOIN b ON a.city = b.k

stream by_neither:
  SELECT a.k, b.k AS other FROM a JOIN b ON a.city = b.city

stream right_join:
  SELECT b.k, a.city FROM a RIGHT JOIN b ON a.k = b.k

stream key_is_gone:
  SELECT b.city FROM a JOIN b ON a.k = b.k

stream table_and_stream:
  SELECT a.k, t.n FROM a JOIN t ON a.k = t.k

errors:
  spec.streams[0].sql, line 1, column 32: a table is joined with a table by all columns of both primary keys, and here it is by others (write ON with = between the primary keys; by other columns, a stream is joined with each)
  spec.streams[1].sql, line 1, column 38: a table is joined with a table by all columns of both primary keys, and here it is by others (write ON with = between the primary keys; by other columns, a stream is joined with each)
  spec.streams[2].sql, line 1, column 33: tables are joined by JOIN or LEFT JOIN (write the stream, or the table whose rows all stay, in FROM, and the other table after LEFT JOIN)
  spec.streams[3].sql, line 1, column 1: the rows replace each other by `k`, which is not selected (add `k` to the SELECT list)
  spec.streams[4].sql, line 1, column 24: a stream is looked up in the table `a`, and not the other way round (write FROM with the stream, and JOIN a)
