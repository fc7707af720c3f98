-- A check that is no condition.

source t: n Int64
  check: "n + 1"

stream out:
  SELECT n FROM t

errors:
  spec.sources[0].check, line 1, column 1: the check is not a condition: it gives Int64 (write a comparison, such as amount >= 0)
