-- Sessions over two sources: a row of one joins two of the other.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream together:
  SELECT k, n, ts FROM a UNION ALL SELECT k, n, ts FROM b

stream visits:
  SELECT k, count(*) AS rows, sum(n) AS sum, window_start, window_end
  FROM SESSION(together, ts, INTERVAL '12' SECOND) GROUP BY k, window_start, window_end

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
  | k    | n    | ts                   |
  | null | 128  | 2024-02-29T00:00:15Z |
  | null | 8    | 2024-02-29T00:00:14Z |
  | x    | 1    | 2024-02-29T00:00:01Z |
  | x    | 256  | 2024-02-29T00:00:33Z |
  | x    | 32   | 2024-02-29T00:00:02Z |
  | x    | 4    | 2024-02-29T00:00:12Z |
  | x    | null | 2024-02-29T00:00:31Z |
  | y    | 16   | 2024-02-29T00:01:02Z |
  | y    | 2    | 2024-02-29T00:00:03Z |
  | z    | 512  | 2024-02-29T00:01:40Z |
  | z    | 64   | 2024-02-29T00:00:13Z |

rows visits:
  | k    | rows | sum | window_start         | window_end           |
  | null | 2    | 136 | 2024-02-29T00:00:14Z | 2024-02-29T00:00:27Z |
  | x    | 2    | 256 | 2024-02-29T00:00:31Z | 2024-02-29T00:00:45Z |
  | x    | 3    | 37  | 2024-02-29T00:00:01Z | 2024-02-29T00:00:24Z |
  | y    | 1    | 16  | 2024-02-29T00:01:02Z | 2024-02-29T00:01:14Z |
  | y    | 1    | 2   | 2024-02-29T00:00:03Z | 2024-02-29T00:00:15Z |
  | z    | 1    | 512 | 2024-02-29T00:01:40Z | 2024-02-29T00:01:52Z |
  | z    | 1    | 64  | 2024-02-29T00:00:13Z | 2024-02-29T00:00:25Z |
