-- What is no SQL, with the place where it stops to be.

source t: k String

stream out:
  SELECT k
  FORM t

errors:
  spec.streams[0].sql, line 2, column 6: nothing goes on with `t` here (look at the words before it: one may be missing, or misspelled)
