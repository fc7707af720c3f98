-- A number is not compared with a text.

source t: k String, n Int64

stream out:
  SELECT k FROM t WHERE n = '5'

errors:
  spec.streams[0].sql, line 1, column 23: a number is compared with a text (write a number without quotes, or CAST the text to a number)
