-- What would fail for every record is refused beforehand.

source t: n Int64

stream out:
  SELECT n / 0 AS nothing FROM t

errors:
  spec.streams[0].sql, line 1, column 8: a division by zero (write another divisor)
