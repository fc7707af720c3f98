-- A record without a value deletes the row that its key names, as an object or plain; a later record brings it back.

source t: n Int64, k String

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

stream by_name:
  SELECT t.n, c.k FROM t JOIN c ON t.k = c.name

stream copy:
  SELECT k, name FROM c

input c:
  | @key      | k | name |
  | a         | a | ann  |
  | b         | b | bob  |
  | c         | c | cid  |
  | a         |   |      |
  | {"k":"b"} |   |      |
  | nobody    |   |      |
  | b         | b | ben  |
  | c         |   |      |

input t:
  | n | k   |
  | 1 | a   |
  | 2 | b   |
  | 3 | c   |
  | 4 | ann |
  | 5 | ben |
  | 6 | bob |

rows out:
  | n | name |
  | 1 | null |
  | 2 | ben  |
  | 3 | null |
  | 4 | null |
  | 5 | null |
  | 6 | null |

rows by_name:
  | n | k |
  | 5 | b |

rows copy:
  | k | name |
  | b | ben  |
