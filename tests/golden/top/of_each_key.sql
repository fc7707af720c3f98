-- The latest windows' best item of each group, by several columns.

source t: g String, item String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream sums:
  SELECT g, item, count(*) AS rows, sum(n) AS sum, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY g, item, window_start, window_end

stream out:
  SELECT g, item, rows, sum, window_end FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, g ORDER BY rows DESC, sum, item) AS place FROM sums) WHERE place = 1

input t:
  | # | g | item | n | ts                   |
  | 0 | x | a    | 5 | 2024-01-01T00:00:00Z |
  | 1 | x | b    | 1 | 2024-01-01T00:00:10Z |
  | 0 | x | a    | 1 | 2024-01-01T00:00:20Z |
  | 1 | x | b    | 2 | 2024-01-01T00:00:30Z |
  | 0 | y | c    | 9 | 2024-01-01T00:00:40Z |
  | 1 | y | d    | 9 | 2024-01-01T00:00:50Z |
  | 0 | x | a    | 1 | 2024-01-01T00:01:00Z |
  | 1 | y | a    | 1 | 2024-01-01T00:02:00Z |

rows sums:
  | g | item | rows | sum | window_start         | window_end           |
  | x | a    | 1    | 1   | 2024-01-01T00:01:00Z | 2024-01-01T00:02:00Z |
  | x | a    | 2    | 6   | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | x | b    | 2    | 3   | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | y | a    | 1    | 1   | 2024-01-01T00:02:00Z | 2024-01-01T00:03:00Z |
  | y | c    | 1    | 9   | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | y | d    | 1    | 9   | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |

rows out:
  | g | item | rows | sum | window_end           |
  | x | a    | 1    | 1   | 2024-01-01T00:02:00Z |
  | x | b    | 2    | 3   | 2024-01-01T00:01:00Z |
  | y | a    | 1    | 1   | 2024-01-01T00:03:00Z |
  | y | c    | 1    | 9   | 2024-01-01T00:01:00Z |
