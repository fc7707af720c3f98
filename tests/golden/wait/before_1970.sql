-- Times before 1970, and the hour that is twice in autumn: a span is a span.

source t: n Int64, k String, ts Timestamp
  eventTime: {column: ts}

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  onMissing: {waitFor: 1h}
  SELECT t.n, c.name, t.ts FROM t LEFT JOIN c ON t.k = c.k

batch out: none, because a partner that comes after the row's time is up is in the table in the end

input t:
  | n | k | ts                        |
  | 1 | a | 1969-12-31T23:30:00Z      |
  | 2 | b | 1969-12-31T23:45:00Z      |
  | 3 | a | 1970-01-01T00:30:00Z      |

input c:
  | k | name |
  | a | ann  |
  | b | bob  |

input t:
  | n | k | ts                        |
  | 4 | x | 2024-10-27T02:30:00+02:00 |
  | 5 | y | 2024-10-27T02:29:59+01:00 |

input c:
  | k | name |
  | x | xena |
  | y | yul  |

rows out:
  | n | name | ts                   |
  | 1 | null | 1969-12-31T23:30:00Z |
  | 2 | bob  | 1969-12-31T23:45:00Z |
  | 3 | ann  | 1970-01-01T00:30:00Z |
  | 4 | xena | 2024-10-27T00:30:00Z |
  | 5 | yul  | 2024-10-27T01:29:59Z |
