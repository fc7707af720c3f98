-- Windows over what is joined, by the time of either stream; and a table of it.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream pairs:
  SELECT a.k, a.n, b.m, a.ts, b.ts AS seen FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '90' SECOND

stream by_one:
  SELECT count(*) AS rows, sum(n) AS sum, window_start FROM TUMBLE(pairs, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

stream by_the_other:
  SELECT k, count(*) AS rows, window_end FROM HOP(pairs, seen, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE) GROUP BY k, window_start, window_end

stream at_once:
  SELECT a.k, sum(b.m) AS sum, count(*) AS rows FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts GROUP BY a.k

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

input b:
  | # | k    | m   | ts                     |
  | 0 | x    | 1   | 2024-02-29T00:00:30Z   |
  | 1 | y    | 2   | 2024-02-29T00:00:10Z   |
  | 0 | null | 4   | 2024-02-29T00:01:00Z   |
  | 1 | x    | 8   | 2024-02-29T00:01:30Z   |
  | 0 | z    | 16  | 2024-02-29T00:02:00.5Z |
  | 1 | y    | 32  | 2024-02-29T00:04:00Z   |
  | 0 | x    | 64  | 2024-02-29T00:10:00Z   |
  | 1 | z    | 128 | 2024-02-29T00:20:00Z   |

rows pairs:
  | k | n   | m  | ts                   | seen                        |
  | x | 1   | 1  | 2024-02-29T00:00:00Z | 2024-02-29T00:00:30Z        |
  | x | 1   | 8  | 2024-02-29T00:00:00Z | 2024-02-29T00:01:30Z        |
  | x | 128 | 64 | 2024-02-29T00:10:30Z | 2024-02-29T00:10:00Z        |
  | x | 4   | 1  | 2024-02-29T00:01:00Z | 2024-02-29T00:00:30Z        |
  | x | 4   | 8  | 2024-02-29T00:01:00Z | 2024-02-29T00:01:30Z        |
  | x | 64  | 64 | 2024-02-29T00:10:00Z | 2024-02-29T00:10:00Z        |
  | y | 2   | 2  | 2024-02-29T00:00:10Z | 2024-02-29T00:00:10Z        |
  | y | 32  | 32 | 2024-02-29T00:03:00Z | 2024-02-29T00:04:00Z        |
  | z | 16  | 16 | 2024-02-29T00:02:00Z | 2024-02-29T00:02:00.500000Z |

rows by_one:
  | rows | sum | window_start         |
  | 1    | 16  | 2024-02-29T00:02:00Z |
  | 1    | 32  | 2024-02-29T00:03:00Z |
  | 2    | 192 | 2024-02-29T00:10:00Z |
  | 2    | 8   | 2024-02-29T00:01:00Z |
  | 3    | 4   | 2024-02-29T00:00:00Z |

rows by_the_other:
  | k | rows | window_end           |
  | x | 2    | 2024-02-29T00:01:00Z |
  | x | 2    | 2024-02-29T00:03:00Z |
  | x | 2    | 2024-02-29T00:11:00Z |
  | x | 2    | 2024-02-29T00:12:00Z |
  | x | 4    | 2024-02-29T00:02:00Z |
  | y | 1    | 2024-02-29T00:01:00Z |
  | y | 1    | 2024-02-29T00:02:00Z |
  | y | 1    | 2024-02-29T00:05:00Z |
  | y | 1    | 2024-02-29T00:06:00Z |
  | z | 1    | 2024-02-29T00:03:00Z |
  | z | 1    | 2024-02-29T00:04:00Z |

rows at_once:
  | k | sum | rows |
  | x | 129 | 3    |
  | y | 2   | 1    |
