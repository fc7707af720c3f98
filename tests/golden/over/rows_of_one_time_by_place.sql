-- Rows of one time are in a frame of rows in the order of their partition, and in that of their offset.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, n, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS two, row_number() OVER (PARTITION BY k ORDER BY ts) AS number,
    lag(n) OVER (PARTITION BY k ORDER BY ts) AS before
  FROM t

batch out:
  SELECT k, n, CAST(sum(n) OVER (PARTITION BY k ORDER BY ts, n ROWS 1 PRECEDING) AS BIGINT) AS two,
    row_number() OVER (PARTITION BY k ORDER BY ts, n) AS number, lag(n) OVER (PARTITION BY k ORDER BY ts, n) AS before
  FROM t

input t:
  | # | k | n  | ts                   |
  | 1 | a | 8  | 2024-01-01T00:00:00Z |
  | 0 | a | 1  | 2024-01-01T00:00:00Z |
  | 0 | a | 2  | 2024-01-01T00:00:00Z |
  | 1 | a | 16 | 2024-01-01T00:00:00Z |
  | 0 | b | 1  | 2024-01-01T00:00:00Z |
  | 0 | a | 4  | 2024-01-01T00:00:00Z |
  | 1 | b | 2  | 2024-01-01T00:00:00Z |
  | 1 | a | 64 | 2024-01-01T00:00:01Z |
  | 0 | a | 32 | 2024-01-01T00:00:01Z |

rows out:
  | k | n  | two | number | before |
  | a | 1  | 1   | 1      | null   |
  | a | 16 | 24  | 5      | 8      |
  | a | 2  | 3   | 2      | 1      |
  | a | 32 | 48  | 6      | 16     |
  | a | 4  | 6   | 3      | 2      |
  | a | 64 | 96  | 7      | 32     |
  | a | 8  | 12  | 4      | 4      |
  | b | 1  | 1   | 1      | null   |
  | b | 2  | 3   | 2      | 1      |
