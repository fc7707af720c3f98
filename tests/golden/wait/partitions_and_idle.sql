-- Each partition has a time of its own; one that is idle goes by the others'.

source t: n Int64, k String, ts Timestamp
  eventTime: {column: ts, idleTimeout: 10s}

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  onMissing: {waitFor: 5s}
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

batch out: none, because a partner that comes after the row's time is up is in the table in the end

input t:
  | # | n | k | ts                   |
  | 0 | 1 | a | 2024-01-01T00:00:01Z |
  | 1 | 2 | b | 2024-01-01T00:00:01Z |
  | 0 | 3 | z | 2024-01-01T00:01:00Z |

rows out so far:
  | n | name |
  | 1 | null |

input c:
  | k | name |
  | b | bob  |

input t:
  | # | n | k | ts                   |
  | 1 | 4 | c | 2024-01-01T00:00:02Z |

input t:
  idle 1

rows out so far:
  | n | name |
  | 1 | null |
  | 2 | bob  |
  | 4 | null |

input c:
  | k | name  |
  | c | cyril |

rows out:
  | n | name |
  | 1 | null |
  | 2 | bob  |
  | 3 | null |
  | 4 | null |
