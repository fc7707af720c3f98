-- A window with the one before it: windows are times, too, and those apart can be joined.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream sums:
  SELECT k, sum(n) AS sum, window_start, window_end FROM TUMBLE(a, ts, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end

stream out:
  SELECT now.k, now.sum, was.sum AS before, now.window_start FROM sums now LEFT JOIN sums was
  ON now.k = was.k AND was.window_end = now.window_start
  AND was.window_end BETWEEN now.window_end - INTERVAL '1' MINUTE AND now.window_end

input a:
  | # | k    | n   | ts                   |
  | 0 | x    | 1   | 2024-02-29T00:00:00Z |
  | 1 | y    | 2   | 2024-02-29T00:00:10Z |
  | 0 | x    | 4   | 2024-02-29T00:01:00Z |
  | 1 | null | 8   | 2024-02-29T00:01:10Z |
  | 0 | z    | 16  | 2024-02-29T00:02:00Z |
  | 1 | y    | 32  | 2024-02-29T00:03:00Z |
  | 0 | x    | 64  | 2024-02-29T00:10:00Z |
  | 1 | x    | 128 | 2024-02-29T00:10:30Z |

rows sums:
  | k    | sum | window_start         | window_end           |
  | null | 8   | 2024-02-29T00:01:00Z | 2024-02-29T00:02:00Z |
  | x    | 1   | 2024-02-29T00:00:00Z | 2024-02-29T00:01:00Z |
  | x    | 192 | 2024-02-29T00:10:00Z | 2024-02-29T00:11:00Z |
  | x    | 4   | 2024-02-29T00:01:00Z | 2024-02-29T00:02:00Z |
  | y    | 2   | 2024-02-29T00:00:00Z | 2024-02-29T00:01:00Z |
  | y    | 32  | 2024-02-29T00:03:00Z | 2024-02-29T00:04:00Z |
  | z    | 16  | 2024-02-29T00:02:00Z | 2024-02-29T00:03:00Z |

rows out:
  | k    | sum | before | window_start         |
  | null | 8   | null   | 2024-02-29T00:01:00Z |
  | x    | 1   | null   | 2024-02-29T00:00:00Z |
  | x    | 192 | null   | 2024-02-29T00:10:00Z |
  | x    | 4   | 1      | 2024-02-29T00:01:00Z |
  | y    | 2   | null   | 2024-02-29T00:00:00Z |
  | y    | 32  | null   | 2024-02-29T00:03:00Z |
  | z    | 16  | null   | 2024-02-29T00:02:00Z |
