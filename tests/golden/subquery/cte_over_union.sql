-- A CTE that puts two sources together, and a grouping of it.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

source s: k String, n Int64

stream totals:
  WITH everything AS (SELECT k, n FROM t UNION ALL SELECT k, n FROM s)
  SELECT k, sum(n) AS sum FROM everything WHERE n IS NOT NULL GROUP BY k


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

input s:
  | k | n    |
  | a | 1000 |
  | z | 2000 |
  | z | null |

rows totals:
  | k    | sum  |
  | a    | 1133 |
  | b    | 82   |
  | c    | 32   |
  | null | 8    |
  | z    | 2000 |
