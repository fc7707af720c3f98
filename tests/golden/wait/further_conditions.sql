-- What the condition does not let belong together is there all the same: nobody waits for it.

source t: n Int64, k String, ts Timestamp
  eventTime: {column: ts}

source c: k String, least Int64
  table: {primaryKey: [k]}

stream outer_join:
  onMissing: {waitFor: 1m}
  SELECT t.n, c.least FROM t LEFT JOIN c ON t.k = c.k AND t.n >= c.least

stream inner_join:
  onMissing: {waitFor: 1m}
  SELECT t.n, c.least + 1 AS more FROM t JOIN c ON t.k = c.k AND t.n >= c.least WHERE t.n <> 4

input c:
  | k | least |
  | a | 2     |

input t:
  | n | k | ts                   |
  | 1 | a | 2024-01-01T00:00:01Z |
  | 2 | a | 2024-01-01T00:00:02Z |
  | 3 | b | 2024-01-01T00:00:03Z |
  | 4 | b | 2024-01-01T00:00:04Z |
  | 0 | b | 2024-01-01T00:00:05Z |

rows outer_join so far:
  | n | least |
  | 1 | null  |
  | 2 | 2     |

input c:
  | k | least |
  | b | 3     |

rows outer_join:
  | n | least |
  | 0 | null  |
  | 1 | null  |
  | 2 | 2     |
  | 3 | 3     |
  | 4 | 3     |

rows inner_join:
  | n | more |
  | 2 | 3    |
  | 3 | 4    |
