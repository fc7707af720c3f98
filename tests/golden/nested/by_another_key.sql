-- Grouped by two keys, and again by one of them.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream of_both:
  SELECT k, u, sum(n) AS sum, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '20' SECOND) GROUP BY k, u, window_start, window_end


stream of_one:
  SELECT u, sum(sum) AS sum, count(*) AS keys, window_start, window_end FROM of_both GROUP BY u, window_start, window_end


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

rows of_both:
  | k    | u | sum | window_start         | window_end           |
  | a    | p | 1   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |
  | a    | p | 128 | 2024-01-01T00:01:40Z | 2024-01-01T00:02:00Z |
  | a    | q | 4   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |
  | b    | p | 16  | 2024-01-01T00:00:20Z | 2024-01-01T00:00:40Z |
  | b    | q | 2   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |
  | b    | q | 64  | 2024-01-01T00:01:00Z | 2024-01-01T00:01:20Z |
  | c    | q | 32  | 2024-01-01T00:00:20Z | 2024-01-01T00:00:40Z |
  | null | p | 8   | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |

rows of_one:
  | u | sum | keys | window_start         | window_end           |
  | p | 128 | 1    | 2024-01-01T00:01:40Z | 2024-01-01T00:02:00Z |
  | p | 16  | 1    | 2024-01-01T00:00:20Z | 2024-01-01T00:00:40Z |
  | p | 9   | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |
  | q | 32  | 1    | 2024-01-01T00:00:20Z | 2024-01-01T00:00:40Z |
  | q | 6   | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:20Z |
  | q | 64  | 1    | 2024-01-01T00:01:00Z | 2024-01-01T00:01:20Z |
