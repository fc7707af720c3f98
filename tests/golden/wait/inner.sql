-- A row waits until its partner comes; one whose time is up before is left out, and one that has found its own does not wait.

source t: n Int64, k String, ts Timestamp
  eventTime: {column: ts}

source c: k String, name String
  table: {primaryKey: [k]}

stream out:
  onMissing: {waitFor: 5s}
  SELECT t.n, c.name, t.ts FROM t JOIN c ON t.k = c.k

batch out: none, because a partner that comes after the row's time is up is in the table in the end

input c:
  | k | name |
  | a | ann  |

input t:
  | n | k | ts                   |
  | 1 | a | 2024-01-01T00:00:01Z |
  | 2 | b | 2024-01-01T00:00:02Z |
  | 3 | c | 2024-01-01T00:00:03Z |
  | 4 | x | 2024-01-01T00:00:03Z |

rows out so far:
  | n | name | ts                   |
  | 1 | ann  | 2024-01-01T00:00:01Z |

input c:
  | k | name |
  | b | bob  |

rows out so far:
  | n | name | ts                   |
  | 1 | ann  | 2024-01-01T00:00:01Z |
  | 2 | bob  | 2024-01-01T00:00:02Z |

input t:
  | n | k | ts                   |
  | 5 | a | 2024-01-01T00:00:08Z |

input c:
  | k | name  |
  | c | cyril |

input t:
  | n | k | ts                   |
  | 6 | c | 2024-01-01T00:00:09Z |

rows out:
  | n | name  | ts                   |
  | 1 | ann   | 2024-01-01T00:00:01Z |
  | 2 | bob   | 2024-01-01T00:00:02Z |
  | 5 | ann   | 2024-01-01T00:00:08Z |
  | 6 | cyril | 2024-01-01T00:00:09Z |
