-- The most frequent of each window, counted and ranked in one query.

source t: k String, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, num, window_end FROM (SELECT k, num, window_start, window_end, row_number() OVER (PARTITION BY window_start, window_end ORDER BY num DESC, k) AS rn FROM (SELECT k, count(*) AS num, window_start, window_end FROM HOP(t, ts, INTERVAL '2' SECOND, INTERVAL '4' SECOND) GROUP BY k, window_start, window_end)) WHERE rn <= 1

input t:
  | # | k | ts                   |
  | 0 | a | 2024-02-29T00:00:00Z |
  | 1 | b | 2024-02-29T00:00:01Z |
  | 0 | b | 2024-02-29T00:00:01Z |
  | 0 | a | 2024-02-29T00:00:02Z |
  | 0 | a | 2024-02-29T00:00:03Z |
  | 1 | b | 2024-02-29T00:00:09Z |

rows out:
  | k | num | window_end           |
  | a | 2   | 2024-02-29T00:00:06Z |
  | a | 3   | 2024-02-29T00:00:04Z |
  | b | 1   | 2024-02-29T00:00:10Z |
  | b | 1   | 2024-02-29T00:00:12Z |
  | b | 2   | 2024-02-29T00:00:02Z |
