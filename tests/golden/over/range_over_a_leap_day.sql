-- A span of days goes over the leap day, and over the hours at which clocks are put forward and back: days are of 24 hours.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, ts, sum(n) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '1' DAY PRECEDING) AS day,
    count(*) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '2' DAY PRECEDING AND CURRENT ROW) AS rows
  FROM t

input t:
  | k | n   | ts                        |
  | a | 1   | 2024-02-28T12:00:00Z      |
  | a | 2   | 2024-02-29T12:00:00Z      |
  | a | 4   | 2024-03-01T11:59:59Z      |
  | a | 8   | 2024-03-01T12:00:00Z      |
  | a | 16  | 2024-03-31T00:30:00Z      |
  | a | 32  | 2024-03-31T03:30:00+02:00 |
  | a | 64  | 2024-10-27T02:30:00+02:00 |
  | a | 128 | 2024-10-27T02:30:00+01:00 |

rows out:
  | k | ts                   | day | rows |
  | a | 2024-02-28T12:00:00Z | 1   | 1    |
  | a | 2024-02-29T12:00:00Z | 3   | 2    |
  | a | 2024-03-01T11:59:59Z | 6   | 3    |
  | a | 2024-03-01T12:00:00Z | 14  | 4    |
  | a | 2024-03-31T00:30:00Z | 16  | 1    |
  | a | 2024-03-31T01:30:00Z | 48  | 2    |
  | a | 2024-10-27T00:30:00Z | 64  | 1    |
  | a | 2024-10-27T01:30:00Z | 192 | 2    |
