-- Nothing is equal to a null: there is nothing to wait for.

source t: n Int64, k String, j Int32, ts Timestamp
  eventTime: {column: ts}

source c: k String, j Int32, name String
  table: {primaryKey: [k, j]}

stream outer_join:
  onMissing: {waitFor: 1h}
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k AND t.j = c.j

stream inner_join:
  onMissing: {waitFor: 1h}
  SELECT t.n, c.name FROM t JOIN c ON t.k = c.k AND t.j = c.j

input t:
  | n | k | j  | ts                   |
  | 1 |   | 1  | 2024-01-01T00:00:01Z |
  | 2 | a |    | 2024-01-01T00:00:02Z |
  | 3 |   |    | 2024-01-01T00:00:03Z |
  | 4 | a | -1 | 2024-01-01T00:00:04Z |
  | 5 | b | 1  | 2024-01-01T00:00:05Z |

rows outer_join so far:
  | n | name |
  | 1 | null |
  | 2 | null |
  | 3 | null |

input c:
  | k | j  | name |
  | a | -1 | ann  |

rows outer_join:
  | n | name |
  | 1 | null |
  | 2 | null |
  | 3 | null |
  | 4 | ann  |
  | 5 | null |

rows inner_join:
  | n | name |
  | 4 | ann  |
