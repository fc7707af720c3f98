-- Windows and joins over what is joined so: its time is that of the side whose rows all go on.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream pairs:
  SELECT a.k, a.n, b.m, a.ts FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' MINUTE AND a.ts + INTERVAL '2' MINUTE

stream counts:
  SELECT count(*) AS rows, count(m) AS paired, window_start FROM TUMBLE(pairs, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

stream again:
  SELECT p.k, p.n, p.m, b.m AS other FROM pairs p LEFT JOIN b ON b.k = p.k AND b.ts BETWEEN p.ts AND p.ts + INTERVAL '40' SECOND

stream backwards:
  SELECT a.n, b.ts AS seen FROM a RIGHT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '2' MINUTE AND a.ts

stream of_the_right:
  SELECT count(*) AS rows, count(n) AS paired, window_start FROM (
    SELECT n, window_start, window_end FROM TUMBLE(backwards, seen, INTERVAL '1' MINUTE)
  ) GROUP BY window_start, window_end

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
  | k    | n   | m    | ts                   |
  | null | 8   | null | 2024-02-29T00:01:10Z |
  | x    | 1   | 1    | 2024-02-29T00:00:00Z |
  | x    | 1   | 8    | 2024-02-29T00:00:00Z |
  | x    | 128 | 64   | 2024-02-29T00:10:30Z |
  | x    | 4   | 1    | 2024-02-29T00:01:00Z |
  | x    | 4   | 8    | 2024-02-29T00:01:00Z |
  | x    | 64  | 64   | 2024-02-29T00:10:00Z |
  | y    | 2   | 2    | 2024-02-29T00:00:10Z |
  | y    | 32  | 32   | 2024-02-29T00:03:00Z |
  | z    | 16  | 16   | 2024-02-29T00:02:00Z |

rows counts:
  | rows | paired | window_start         |
  | 1    | 1      | 2024-02-29T00:02:00Z |
  | 1    | 1      | 2024-02-29T00:03:00Z |
  | 2    | 2      | 2024-02-29T00:10:00Z |
  | 3    | 2      | 2024-02-29T00:01:00Z |
  | 3    | 3      | 2024-02-29T00:00:00Z |

rows again:
  | k    | n   | m    | other |
  | null | 8   | null | null  |
  | x    | 1   | 1    | 1     |
  | x    | 1   | 8    | 1     |
  | x    | 128 | 64   | null  |
  | x    | 4   | 1    | 8     |
  | x    | 4   | 8    | 8     |
  | x    | 64  | 64   | 64    |
  | y    | 2   | 2    | 2     |
  | y    | 32  | 32   | null  |
  | z    | 16  | 16   | 16    |

rows backwards:
  | n    | seen                        |
  | 128  | 2024-02-29T00:10:00Z        |
  | 2    | 2024-02-29T00:00:10Z        |
  | 4    | 2024-02-29T00:00:30Z        |
  | 64   | 2024-02-29T00:10:00Z        |
  | null | 2024-02-29T00:01:00Z        |
  | null | 2024-02-29T00:01:30Z        |
  | null | 2024-02-29T00:02:00.500000Z |
  | null | 2024-02-29T00:04:00Z        |
  | null | 2024-02-29T00:20:00Z        |

rows of_the_right:
  | rows | paired | window_start         |
  | 1    | 0      | 2024-02-29T00:02:00Z |
  | 1    | 0      | 2024-02-29T00:04:00Z |
  | 1    | 0      | 2024-02-29T00:20:00Z |
  | 2    | 0      | 2024-02-29T00:01:00Z |
  | 2    | 2      | 2024-02-29T00:00:00Z |
  | 2    | 2      | 2024-02-29T00:10:00Z |
