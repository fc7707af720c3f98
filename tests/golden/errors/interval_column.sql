-- A column of a type that no sink can hold, with the way to write it.

source t: a Timestamp, b Timestamp

stream out:
  SELECT a - b AS span FROM t

errors:
  spec.streams[0].sql, line 1, column 8: `span` is an interval, which no sink can hold (write EXTRACT(EPOCH FROM …) for the seconds)
