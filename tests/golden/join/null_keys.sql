-- Null is equal to nothing, not even to null: in keys of one column, of several, and in columns that are no key.

source t: k String, n Int64

source c: k String, n Int64, name String
  table: {primaryKey: [k]}

stream by_key:
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

stream by_value:
  SELECT t.k, c.name FROM t LEFT JOIN c ON t.n = c.n

stream inner_by_value:
  SELECT t.k, c.name FROM t JOIN c ON t.n = c.n

stream missing:
  onMissing: DeadLetter
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

input c:
  | k | n | name |
  | a | 1 | ann  |
  | b |   | bob  |

input t:
  | k | n |
  | a | 1 |
  |   | 2 |
  | b |   |

rows by_key:
  | n    | name |
  | 1    | ann  |
  | 2    | null |
  | null | bob  |

rows by_value:
  | k    | name |
  | a    | ann  |
  | null | null |
  | b    | null |

rows inner_by_value:
  | k | name |
  | a | ann  |

rows missing:
  | n    | name |
  | 1    | ann  |
  | 2    | null |
  | null | bob  |
