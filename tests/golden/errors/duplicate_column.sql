-- Two columns of one name.

source t: k String, n Int64

stream out:
  SELECT k AS x, n AS x FROM t

errors:
  spec.streams[0].sql, line 1, column 21: two columns are named `x` (give one of them another name with AS)
