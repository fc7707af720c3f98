-- Windows are the same for all keys; a key that has no row in a window has no row of results.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, sum(n) AS sum, min(n) AS least, max(n) AS most, avg(n) AS mean, window_end FROM HOP(t, ts, INTERVAL '10' SECOND, INTERVAL '30' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:01Z |
  | b | 2  | 2024-01-01T00:00:03Z |
  | a | 4  | 2024-01-01T00:00:12Z |
  | a | 8  | 2024-01-01T00:00:09Z |
  |   | 16 | 2024-01-01T00:00:31Z |
  | b |    | 2024-01-01T00:00:33Z |
  |   | 32 | 2024-01-01T00:00:45Z |

rows out:
  | k    | sum  | least | most | mean              | window_end           |
  | a    | 13   | 1     | 8    | 4.333333333333333 | 2024-01-01T00:00:20Z |
  | a    | 13   | 1     | 8    | 4.333333333333333 | 2024-01-01T00:00:30Z |
  | a    | 4    | 4     | 4    | 4.0               | 2024-01-01T00:00:40Z |
  | a    | 9    | 1     | 8    | 4.5               | 2024-01-01T00:00:10Z |
  | b    | 2    | 2     | 2    | 2.0               | 2024-01-01T00:00:10Z |
  | b    | 2    | 2     | 2    | 2.0               | 2024-01-01T00:00:20Z |
  | b    | 2    | 2     | 2    | 2.0               | 2024-01-01T00:00:30Z |
  | b    | null | null  | null | null              | 2024-01-01T00:00:40Z |
  | b    | null | null  | null | null              | 2024-01-01T00:00:50Z |
  | b    | null | null  | null | null              | 2024-01-01T00:01:00Z |
  | null | 16   | 16    | 16   | 16.0              | 2024-01-01T00:00:40Z |
  | null | 32   | 32    | 32   | 32.0              | 2024-01-01T00:01:10Z |
  | null | 48   | 16    | 32   | 24.0              | 2024-01-01T00:00:50Z |
  | null | 48   | 16    | 32   | 24.0              | 2024-01-01T00:01:00Z |
