-- Subqueries in subqueries, with no grouping.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream out:
  SELECT name, twice + 1 AS odd FROM (SELECT k AS name, m * 2 AS twice FROM (SELECT k, n - 1 AS m FROM t WHERE n > 1) WHERE m <> 3) AS inner_rows


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

rows out:
  | name | odd |
  | a    | 255 |
  | b    | 127 |
  | b    | 3   |
  | b    | 31  |
  | c    | 63  |
  | null | 15  |
