-- A function that there is not.

source t: k String

stream out:
  SELECT uper(k) AS k FROM t

errors:
  spec.streams[0].sql, line 1, column 8: there is no function `uper` (did you mean `upper`?)
