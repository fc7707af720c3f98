-- HAVING of the inner grouping, a computed column between, and HAVING of the outer one.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream busy:
  SELECT parity, sum(rows) AS records, window_end FROM (
    SELECT k, sum(n) % 3 AS parity, count(*) AS rows, window_start, window_end
    FROM TUMBLE(t, ts, INTERVAL '30' SECOND) GROUP BY k, window_start, window_end HAVING count(n) > 0
  ) GROUP BY parity, window_start, window_end HAVING sum(rows) > 1


input t:
  | # | k    | u | n    | ts                   |
  | 0 | a    | p | 1    | 2024-01-01T00:00:01Z |
  | 1 | b    | q | 2    | 2024-01-01T00:00:03Z |
  | 0 | a    | q | 4    | 2024-01-01T00:00:02Z |
  | 1 | null | p | 8    | 2024-01-01T00:00:11Z |
  | 0 | a    | p | null | 2024-01-01T00:00:12Z |
  | 1 | b    | p | 16   | 2024-01-01T00:00:25Z |
  | 0 | c    | q | 32   | 2024-01-01T00:00:39Z |
  | 1 | b    | q | 64   | 2024-01-01T00:01:02Z |
  | 0 | a    | p | 128  | 2024-01-01T00:01:58Z |

rows busy:
  | parity | records | window_end           |
  | 0      | 2       | 2024-01-01T00:00:30Z |
  | 2      | 4       | 2024-01-01T00:00:30Z |
