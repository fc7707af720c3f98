-- A column that is not there, with the one that was meant.

source t: customer String, amount Decimal(12,2)

stream out:
  SELECT customer,
         amuont
  FROM t

errors:
  spec.streams[0].sql, line 2, column 8: there is no column `amuont` (did you mean `amount`?)
