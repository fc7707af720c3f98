-- Functions of different keys in one query: rows go from one to the other.

source t: k String, g String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT k, g, n, sum(n) OVER (PARTITION BY k ORDER BY ts ROWS UNBOUNDED PRECEDING) AS of_k, count(*) OVER (PARTITION BY g ORDER BY ts RANGE INTERVAL '10' SECOND PRECEDING) AS of_g FROM t

input t:
  | # | k | g | n | ts                   |
  | 0 | a | x | 1 | 2024-03-31T00:59:50Z |
  | 1 | a | y | 2 | 2024-03-31T00:59:52Z |
  | 0 | b | x | 4 | 2024-03-31T00:59:55Z |
  | 1 | b | y | 8 | 2024-03-31T01:00:10Z |
  | 0 | a | x | 7 | 2024-03-31T01:00:00Z |
  | 0 | b | x |   | 2024-03-31T01:00:06Z |

rows out:
  | k | g | n    | of_k | of_g |
  | a | x | 1    | 1    | 1    |
  | a | x | 7    | 10   | 3    |
  | a | y | 2    | 3    | 1    |
  | b | x | 4    | 4    | 2    |
  | b | x | null | 4    | 2    |
  | b | y | 8    | 12   | 1    |
