-- Names are taken as written: one that differs in case is another.

source t: customerId String

stream out:
  SELECT customerid FROM t

errors:
  spec.streams[0].sql, line 1, column 8: there is no column `customerid` (names are taken as written: write `customerId`)
