-- A table over the windows of a stream: how many there were of each key, and the greatest.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream records:
  SELECT k, count(*) AS windows, max(sum) AS most, min(sum) AS least FROM (
    SELECT k, sum(n) AS sum FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end
  ) GROUP BY k


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

rows records:
  | k    | windows | most | least |
  | a    | 3       | 128  | 5     |
  | b    | 3       | 64   | 2     |
  | c    | 1       | 32   | 32    |
  | null | 1       | 8    | 8     |
