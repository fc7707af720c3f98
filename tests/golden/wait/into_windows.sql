-- Windows over rows that may have waited close so much later, and have them all: in one query, and over a stream.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source c: k String, city String
  table: {primaryKey: [k]}

stream joined:
  onMissing: {waitFor: 10s}
  SELECT t.n, c.city, t.ts FROM t LEFT JOIN c ON t.k = c.k

stream spend:
  SELECT city, sum(n) AS sum, window_start FROM TUMBLE(joined, ts, INTERVAL '5' SECOND) GROUP BY city, window_start

stream totals:
  onMissing: {waitFor: 10s}
  SELECT c.city, sum(t.n) AS sum FROM t JOIN c ON t.k = c.k GROUP BY c.city

input c:
  | k | city |
  | a | Ulm  |

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:01Z |
  | 0 | b | 2 | 2024-01-01T00:00:02Z |
  | 0 | a | 4 | 2024-01-01T00:00:11Z |

rows spend so far:
  | city | sum | window_start |

input c:
  | k | city |
  | b | Bonn |

input t:
  | # | k | n  | ts                   |
  | 0 | a | 8  | 2024-01-01T00:00:04Z |
  | 0 | b | 16 | 2024-01-01T00:00:20Z |

rows spend so far:
  | city | sum | window_start         |
  | Ulm  | 9   | 2024-01-01T00:00:00Z |
  | Bonn | 2   | 2024-01-01T00:00:00Z |

rows joined:
  | n  | city | ts                   |
  | 1  | Ulm  | 2024-01-01T00:00:01Z |
  | 16 | Bonn | 2024-01-01T00:00:20Z |
  | 2  | Bonn | 2024-01-01T00:00:02Z |
  | 4  | Ulm  | 2024-01-01T00:00:11Z |
  | 8  | Ulm  | 2024-01-01T00:00:04Z |

rows spend:
  | city | sum | window_start         |
  | Bonn | 16  | 2024-01-01T00:00:20Z |
  | Bonn | 2   | 2024-01-01T00:00:00Z |
  | Ulm  | 4   | 2024-01-01T00:00:10Z |
  | Ulm  | 9   | 2024-01-01T00:00:00Z |

rows totals:
  | city | sum |
  | Bonn | 18  |
  | Ulm  | 13  |
