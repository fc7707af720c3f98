-- A stream that filters a windowed one still has its windows.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream sums:
  SELECT k AS name, window_end AS until, count(*) AS rows FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

stream many:
  SELECT name, until AS ended, rows FROM sums WHERE rows > 1

stream out:
  SELECT name, ended, rn FROM (SELECT name, ended, row_number() OVER (PARTITION BY ended ORDER BY rows DESC, name) AS rn FROM many) WHERE rn < 3

input t:
  | # | k | n | ts                   |
  | 0 | a | 1 | 2024-01-01T00:00:00Z |
  | 1 | b | 1 | 2024-01-01T00:00:01Z |
  | 0 | a | 1 | 2024-01-01T00:00:02Z |
  | 1 | b | 1 | 2024-01-01T00:00:03Z |
  | 0 | b | 1 | 2024-01-01T00:00:04Z |
  | 1 | c | 1 | 2024-01-01T00:00:05Z |
  | 0 | c | 1 | 2024-01-01T00:00:14Z |
  | 1 | c | 1 | 2024-01-01T00:00:15Z |

rows sums:
  | name | until                | rows |
  | a    | 2024-01-01T00:00:10Z | 2    |
  | b    | 2024-01-01T00:00:10Z | 3    |
  | c    | 2024-01-01T00:00:10Z | 1    |
  | c    | 2024-01-01T00:00:20Z | 2    |

rows many:
  | name | ended                | rows |
  | a    | 2024-01-01T00:00:10Z | 2    |
  | b    | 2024-01-01T00:00:10Z | 3    |
  | c    | 2024-01-01T00:00:20Z | 2    |

rows out:
  | name | ended                | rn |
  | a    | 2024-01-01T00:00:10Z | 2  |
  | b    | 2024-01-01T00:00:10Z | 1  |
  | c    | 2024-01-01T00:00:20Z | 1  |
