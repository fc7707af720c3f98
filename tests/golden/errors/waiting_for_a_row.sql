-- A row that waits for its partner is not there yet.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source c: k String, city String
  table: {primaryKey: [k]}

stream out:
  onMissing: {waitFor: 5s}
  SELECT t.n, c.city FROM t JOIN c ON t.k = c.k

errors:
  spec.streams[0].onMissing: waiting for a row is not supported yet (write Emit or DeadLetter)
