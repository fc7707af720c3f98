-- A change of the table counts for the rows that come after it; those before stay as they are.

source t: n Int64, k String

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

stream by_name:
  SELECT t.n, c.k FROM t JOIN c ON t.k = c.name

batch out: none, because the table as it is in the end is not what each row was joined with
batch by_name: none, because the table as it is in the end is not what each row was joined with

input c:
  | k | name |
  | a | old  |
  | a | ann  |

input t:
  | n | k   |
  | 1 | a   |
  | 2 | b   |
  | 3 | ann |
  | 4 | old |

rows out so far:
  | n | name |
  | 1 | ann  |
  | 2 | null |
  | 3 | null |
  | 4 | null |

input c:
  | k | name |
  | a | amy  |
  | b | bob  |

input t:
  | n | k   |
  | 5 | a   |
  | 6 | b   |
  | 7 | ann |
  | 8 | amy |

rows out:
  | n | name |
  | 1 | ann  |
  | 2 | null |
  | 3 | null |
  | 4 | null |
  | 5 | amy  |
  | 6 | bob  |
  | 7 | null |
  | 8 | null |

rows by_name:
  | n | k |
  | 3 | a |
  | 8 | a |
