-- Functions whose states merge: distinct values, deviation, least and most, over sessions that are joined.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 30s}

stream out:
  SELECT k, count(DISTINCT n) AS different, stddev(n) AS spread, min(n) AS least, max(n) AS most, avg(n) AS mean, window_end FROM SESSION(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n | ts                   |
  | a | 1 | 2024-01-01T00:00:00Z |
  | a | 1 | 2024-01-01T00:00:18Z |
  | a | 5 | 2024-01-01T00:00:09Z |
  | a |   | 2024-01-01T00:00:12Z |
  | b | 7 | 2024-01-01T00:00:12Z |

rows out:
  | k | different | spread             | least | most | mean               | window_end           |
  | a | 2         | 2.3094010767585034 | 1     | 5    | 2.3333333333333335 | 2024-01-01T00:00:28Z |
  | b | 1         | null               | 7     | 7    | 7.0                | 2024-01-01T00:00:22Z |
