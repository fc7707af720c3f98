-- A row that comes after its time is up goes on at once, and so does one that is late but finds its own.

source t: n Int64, k String, ts Timestamp
  eventTime: {column: ts}

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  onMissing: {waitFor: 5s}
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

batch out: none, because a partner that comes after the row's time is up is in the table in the end

input c:
  | k | name |
  | a | ann  |

input t:
  | n | k | ts                          |
  | 1 | a | 2024-01-01T00:01:00Z        |
  | 2 | a | 2024-01-01T00:00:00Z        |
  | 3 | b | 2024-01-01T00:00:55Z        |
  | 4 | b | 2024-01-01T00:00:55.000001Z |
  | 5 | b | 2024-01-01T00:00:00Z        |

rows out so far:
  | n | name |
  | 1 | ann  |
  | 2 | ann  |
  | 3 | null |
  | 5 | null |

input c:
  | k | name |
  | b | bob  |

rows out:
  | n | name |
  | 1 | ann  |
  | 2 | ann  |
  | 3 | null |
  | 4 | bob  |
  | 5 | null |
