-- Each three rows of a key are a window, in the order of their time; what is not full by the end is none.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 1m}
  partitionedBy: [k]

stream out:
  SELECT k, window_start, window_end, count(*) AS rows, count(n) AS values, sum(n) AS sum, min(n) AS least, max(n) AS most
  FROM COUNT_WINDOW(t, 3) GROUP BY k, window_start, window_end

input t:
  | k | n   | ts                   |
  | a | 1   | 2024-01-01T00:00:10Z |
  | a | 10  | 2024-01-01T00:00:05Z |
  | b | 7   | 2024-01-01T00:00:01Z |
  | a | 100 | 2024-01-01T00:00:20Z |
  | a | -5  | 2024-01-01T00:00:15Z |
  | a |     | 2024-01-03T00:00:00Z |
  | b | 8   | 2024-01-05T00:00:00Z |
  | a | 3   | 2024-01-09T00:00:00Z |
  | b |     | 2024-02-29T12:00:00Z |
  | a | 4   | 2024-03-01T00:00:00Z |

rows out:
  | k | window_start         | window_end                  | rows | values | sum | least | most |
  | a | 2024-01-01T00:00:05Z | 2024-01-01T00:00:15.000001Z | 3    | 3      | 6   | -5    | 10   |
  | a | 2024-01-01T00:00:20Z | 2024-01-09T00:00:00.000001Z | 3    | 2      | 103 | 3     | 100  |
  | b | 2024-01-01T00:00:01Z | 2024-02-29T12:00:00.000001Z | 3    | 2      | 15  | 7     | 8    |
