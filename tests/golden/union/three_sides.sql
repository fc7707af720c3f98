-- Three sides, one with a condition, one with constants; steps over all of them.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream together:
  SELECT k, n * 10 AS tens, side FROM (
    SELECT k, n, 1 AS side FROM a WHERE n > 1
    UNION ALL SELECT k, n, 2 FROM b
    UNION ALL SELECT 'c', n + 1, 3 FROM a
  ) WHERE n < 300

input a:
  | # | k    | n    | ts                   |
  | 0 | x    | 1    | 2024-02-29T00:00:01Z |
  | 1 | y    | 2    | 2024-02-29T00:00:03Z |
  | 0 | x    | 4    | 2024-02-29T00:00:12Z |
  | 1 | null | 8    | 2024-02-29T00:00:14Z |
  | 0 | x    | null | 2024-02-29T00:00:31Z |
  | 1 | y    | 16   | 2024-02-29T00:01:02Z |

input b:
  | # | k    | n   | ts                   |
  | 0 | x    | 32  | 2024-02-29T00:00:02Z |
  | 1 | z    | 64  | 2024-02-29T00:00:13Z |
  | 0 | null | 128 | 2024-02-29T00:00:15Z |
  | 1 | x    | 256 | 2024-02-29T00:00:33Z |
  | 0 | z    | 512 | 2024-02-29T00:01:40Z |

rows together:
  | k    | tens | side |
  | c    | 170  | 3    |
  | c    | 20   | 3    |
  | c    | 30   | 3    |
  | c    | 50   | 3    |
  | c    | 90   | 3    |
  | null | 1280 | 2    |
  | null | 80   | 1    |
  | x    | 2560 | 2    |
  | x    | 320  | 2    |
  | x    | 40   | 1    |
  | y    | 160  | 1    |
  | y    | 20   | 1    |
  | z    | 640  | 2    |
