-- A LEFT JOIN gives a row with nulls when its time is up: as soon as the watermark is the row's time and the span.

source t: n Int64, k String, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  onMissing: {waitFor: 5s}
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

batch out: none, because a partner that comes after the row's time is up is in the table in the end

input t:
  | n | k | ts                          |
  | 1 | a | 2024-02-29T23:59:58Z        |
  | 2 | b | 2024-02-29T23:59:58.000001Z |
  | 3 | z | 2024-03-01T00:00:05Z        |

rows out so far:
  | n | name |
  | 1 | null |

input c:
  | k | name |
  | a | ann  |
  | b | bob  |

rows out so far:
  | n | name |
  | 1 | null |
  | 2 | bob  |

rows out:
  | n | name |
  | 1 | null |
  | 2 | bob  |
  | 3 | null |
