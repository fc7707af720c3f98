-- A row whose partner was deleted waits for another; one that is deleted and made again while nobody looks was never gone.

source t: n Int64, k String, ts Timestamp
  eventTime: {column: ts}

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  onMissing: {waitFor: 1m}
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

batch out: none, because a row keeps what it has found when that is deleted

input c:
  | @key | k | name |
  | a    | a | ann  |
  | b    | b | bob  |
  | a    |   |      |
  | b    |   |      |
  | b    | b | bert |

input t:
  | n | k | ts                   |
  | 1 | a | 2024-01-01T00:00:01Z |
  | 2 | b | 2024-01-01T00:00:02Z |

rows out so far:
  | n | name |
  | 2 | bert |

input c:
  | @key | k | name |
  | a    | a | amy  |

input t:
  | n | k | ts                   |
  | 4 | b | 2024-01-01T00:00:02Z |

input c:
  | @key | k | name |
  | a    |   |      |
  | b    |   |      |

input t:
  | n | k | ts                   |
  | 3 | a | 2024-01-01T00:00:03Z |

rows out:
  | n | name |
  | 1 | amy  |
  | 2 | bert |
  | 3 | null |
  | 4 | bert |
