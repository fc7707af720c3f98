-- Arguments and keys that are computed, and results that are computed with.

source t: k String, n Int32, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT upper(k) AS key, CAST(sum(n * 2) OVER (PARTITION BY upper(k) ORDER BY ts) AS BIGINT) + 1 AS odd,
    min(n) OVER (PARTITION BY upper(k) ORDER BY ts) AS low
  FROM t WHERE n > 0

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:00Z |
  | A | 2  | 2024-01-01T00:00:01Z |
  | b | -1 | 2024-01-01T00:00:01Z |
  | B | 4  | 2024-01-01T00:00:02Z |
  | a | 8  | 2024-01-01T00:00:03Z |

rows out:
  | key | odd | low |
  | A   | 23  | 1   |
  | A   | 3   | 1   |
  | A   | 7   | 1   |
  | B   | 9   | 4   |
