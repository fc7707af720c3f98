-- What is joined can be grouped in windows, by columns of the table, through a shuffle too.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

source c: k String, city String
  table: {primaryKey: [k]}

stream out:
  SELECT c.city, sum(t.n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) t LEFT JOIN c ON t.k = c.k GROUP BY c.city, window_start

stream joined:
  SELECT t.ts, t.n, c.city FROM t JOIN c ON t.k = c.k

stream by_hops:
  SELECT city, count(*) AS n, window_end FROM HOP(joined, ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND) GROUP BY city, window_end

input c:
  | k | city |
  | a | Ulm  |
  | b | Ulm  |
  | c | Bonn |

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:01Z |
  | 1 | b | 2 | 2024-01-01T00:00:02Z |
  | 0 | c | 4 | 2024-01-01T00:00:12Z |
  | 1 | x | 8 | 2024-01-01T00:00:09Z |
  | 0 | a | 5 | 2024-01-01T00:00:09Z |

rows out:
  | city | sum | window_start         |
  | Ulm  | 8   | 2024-01-01T00:00:00Z |
  | null | 8   | 2024-01-01T00:00:00Z |
  | Bonn | 4   | 2024-01-01T00:00:10Z |

rows by_hops:
  | city | n | window_end           |
  | Ulm  | 2 | 2024-01-01T00:00:05Z |
  | Ulm  | 3 | 2024-01-01T00:00:10Z |
  | Ulm  | 1 | 2024-01-01T00:00:15Z |
  | Bonn | 1 | 2024-01-01T00:00:15Z |
  | Bonn | 1 | 2024-01-01T00:00:20Z |

rows joined:
  | ts                   | n | city |
  | 2024-01-01T00:00:01Z | 1 | Ulm  |
  | 2024-01-01T00:00:02Z | 2 | Ulm  |
  | 2024-01-01T00:00:12Z | 4 | Bonn |
  | 2024-01-01T00:00:09Z | 5 | Ulm  |
