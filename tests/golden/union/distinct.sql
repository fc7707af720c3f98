-- UNION without ALL: each row once, nulls too.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream keys:
  SELECT k FROM a UNION SELECT k FROM b

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

rows keys:
  | k    |
  | null |
  | x    |
  | y    |
  | z    |
