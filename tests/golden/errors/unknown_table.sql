-- A table that is not there.

source payments: k String

stream out:
  SELECT k FROM payment

errors:
  spec.streams[0].sql, line 1, column 15: there is no source or stream `payment` (did you mean `payments`?)
