-- WHERE comes after the windows are opened: what it leaves out holds a session together, and of a session that it keeps nothing
-- of there is no row.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 20s}

stream out:
  SELECT k, sum(n) AS sum, count(*) FILTER (WHERE n > 10) AS large, count(*) AS rows, window_start, window_end
  FROM SESSION(t, ts, INTERVAL '10' SECOND) WHERE n > 0 AND n <> 7 GROUP BY k, window_start, window_end HAVING sum(n) < 100

stream keys:
  SELECT k, window_start, window_end FROM (SELECT * FROM SESSION(t, ts, INTERVAL '10' SECOND) WHERE n > 0) AS s WHERE n < 100 GROUP BY k, window_start, window_end

input t:
  | k | n   | ts                   |
  | a | 1   | 2024-01-01T00:00:01Z |
  | a | -5  | 2024-01-01T00:00:09Z |
  | a |     | 2024-01-01T00:00:10Z |
  | a | 20  | 2024-01-01T00:00:18Z |
  | a | 7   | 2024-01-01T00:00:25Z |
  | b | -1  | 2024-01-01T00:00:03Z |
  | b | -2  | 2024-01-01T00:00:30Z |
  | c | 300 | 2024-01-01T00:00:31Z |

rows out:
  | k | sum | large | rows | window_start         | window_end           |
  | a | 21  | 1     | 2    | 2024-01-01T00:00:01Z | 2024-01-01T00:00:35Z |

rows keys:
  | k | window_start         | window_end           |
  | a | 2024-01-01T00:00:01Z | 2024-01-01T00:00:35Z |
