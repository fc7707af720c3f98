-- Rows of one rank are in the order of their partition, and in that of their offset.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, n, ts, rn FROM (
    SELECT k, n, ts, row_number() OVER (PARTITION BY window_start, window_end ORDER BY n) AS rn
    FROM TUMBLE(t, ts, INTERVAL '10' SECOND)) WHERE rn < 4

batch out:
  SELECT k, n, ts, rn FROM (
    SELECT k, n, ts, row_number() OVER (PARTITION BY time_bucket(INTERVAL '10' SECOND, ts) ORDER BY n, k) AS rn FROM t) WHERE rn < 4

input t:
  | # | k | n | ts                   |
  | 1 | d | 1 | 2024-01-01T00:00:00Z |
  | 0 | a | 1 | 2024-01-01T00:00:05Z |
  | 0 | b | 1 | 2024-01-01T00:00:05Z |
  | 1 | e | 0 | 2024-01-01T00:00:05Z |
  | 0 | c | 1 | 2024-01-01T00:00:06Z |
  | 1 | h | 1 | 2024-01-01T00:00:12Z |
  | 0 | f | 1 | 2024-01-01T00:00:19Z |
  | 0 | g | 1 | 2024-01-01T00:00:19Z |

rows out:
  | k | n | ts                   | rn |
  | a | 1 | 2024-01-01T00:00:05Z | 2  |
  | b | 1 | 2024-01-01T00:00:05Z | 3  |
  | e | 0 | 2024-01-01T00:00:05Z | 1  |
  | f | 1 | 2024-01-01T00:00:19Z | 1  |
  | g | 1 | 2024-01-01T00:00:19Z | 2  |
  | h | 1 | 2024-01-01T00:00:12Z | 3  |
