-- A table by partitions is joined by what the stream is partitioned by.

source t: k String, n Int64

source c: k String, city String
  table: {primaryKey: [k], distribution: Partitioned}

stream out:
  SELECT t.n, c.city FROM t JOIN c ON t.k = c.k

errors:
  spec.streams[0].sql, line 1, column 1: a worker has only the rows of `c` that are in the partitions it reads, and these may be elsewhere (join by the primary key with the columns that the stream's source is `partitionedBy`, in that order, or leave the table's `distribution` out)
