-- With several tables a row waits for all of them, as long as for one.

source t: n Int64, k String, p Int64, ts Timestamp
  eventTime: {column: ts}

source c: k String, name String
  table: {primaryKey: [k]}

source d: p Int64, title String
  table: {primaryKey: [p]}

stream out:
  onMissing: {waitFor: 10s}
  SELECT t.n, c.name, d.title FROM t JOIN c ON t.k = c.k LEFT JOIN d ON t.p = d.p

stream one_by_the_other:
  onMissing: {waitFor: 10s}
  SELECT t.n, d.title FROM t JOIN c ON t.k = c.k JOIN d ON c.name = d.title

input d:
  | p | title |
  | 1 | one   |

input t:
  | n | k | p  | ts                   |
  | 1 | a | 1  | 2024-01-01T00:00:00Z |
  | 2 | a | 2  | 2024-01-01T00:00:01Z |
  | 3 | a | -3 | 2024-01-01T00:00:02Z |
  | 4 | b | 1  | 2024-01-01T00:00:03Z |

rows out so far:
  | n | name | title |

input c:
  | k | name |
  | a | ann  |

rows out so far:
  | n | name | title |
  | 1 | ann  | one   |

input d:
  | p | title |
  | 2 | ann   |

rows out:
  | n | name | title |
  | 1 | ann  | one   |
  | 2 | ann  | ann   |
  | 3 | ann  | null  |

rows one_by_the_other:
  | n | title |
  | 1 | ann   |
  | 2 | ann   |
  | 3 | ann   |
