-- Null is a key like any other: all nulls are one group, and another than the empty text.

source t: k String, j Int64, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, j, sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, j, window_start, window_end

input t:
  | k      | j    | n | ts                   |
  | null   | 1    | 1 | 2024-01-01T00:00:00Z |
  | null   | 1    | 2 | 2024-01-01T00:00:01Z |
  | ""     | 1    | 3 | 2024-01-01T00:00:02Z |
  | null   | null | 4 | 2024-01-01T00:00:03Z |
  | "null" | null | 5 | 2024-01-01T00:00:04Z |
  | null   | null | 6 | 2024-01-01T00:00:05Z |
  | null   | 0    | 7 | 2024-01-01T00:00:06Z |

rows out:
  | k      | j    | sum | window_start         |
  | ""     | 1    | 3   | 2024-01-01T00:00:00Z |
  | "null" | null | 5   | 2024-01-01T00:00:00Z |
  | null   | 0    | 7   | 2024-01-01T00:00:00Z |
  | null   | 1    | 3   | 2024-01-01T00:00:00Z |
  | null   | null | 10  | 2024-01-01T00:00:00Z |
