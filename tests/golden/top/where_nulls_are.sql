-- Nulls come last where nothing else is said, rising and falling, as in DuckDB; what is said counts.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream falling:
  SELECT k, n, rn FROM (SELECT k, n, row_number() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, k) AS rn FROM TUMBLE(t, ts, INTERVAL '1' HOUR)) WHERE rn <= 2

stream rising:
  SELECT k, n, rn FROM (SELECT k, n, row_number() OVER (PARTITION BY window_start, window_end ORDER BY n, k) AS rn FROM TUMBLE(t, ts, INTERVAL '1' HOUR)) WHERE rn <= 2

stream all_falling:
  SELECT k, n, rn FROM (SELECT k, n, row_number() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, k DESC) AS rn FROM TUMBLE(t, ts, INTERVAL '1' HOUR)) WHERE rn <= 9

stream first_if_said:
  SELECT k, n, rn FROM (SELECT k, n, row_number() OVER (PARTITION BY window_start, window_end ORDER BY n DESC NULLS FIRST, k) AS rn FROM TUMBLE(t, ts, INTERVAL '1' HOUR)) WHERE rn <= 2

stream of_totals:
  SELECT k, total FROM (
    SELECT k, total, row_number() OVER (PARTITION BY window_start, window_end ORDER BY total DESC, k) AS rn
    FROM (SELECT k, sum(n) AS total, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end)
  ) WHERE rn = 1

input t:
  | # | k | n  | ts                   |
  | 0 | a |    | 2024-02-29T23:00:00Z |
  | 1 | b | -5 | 2024-02-29T23:10:00Z |
  | 0 | c | 7  | 2024-02-29T23:20:00Z |
  | 1 |   | 7  | 2024-02-29T23:30:00Z |
  | 0 | d |    | 2024-02-29T23:59:59Z |
  | 1 | e |    | 2024-03-01T00:00:00Z |

rows falling:
  | k    | n    | rn |
  | c    | 7    | 1  |
  | e    | null | 1  |
  | null | 7    | 2  |

rows rising:
  | k | n    | rn |
  | b | -5   | 1  |
  | c | 7    | 2  |
  | e | null | 1  |

rows all_falling:
  | k    | n    | rn |
  | a    | null | 5  |
  | b    | -5   | 3  |
  | c    | 7    | 1  |
  | d    | null | 4  |
  | e    | null | 1  |
  | null | 7    | 2  |

rows first_if_said:
  | k | n    | rn |
  | a | null | 1  |
  | d | null | 2  |
  | e | null | 1  |

rows of_totals:
  | k | total |
  | c | 7     |
  | e | null  |
