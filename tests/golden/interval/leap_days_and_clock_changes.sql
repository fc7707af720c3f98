-- Bounds of a day over leap days, and where clocks change: a day is 24 hours.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' DAY AND a.ts

input a:
  | # | k | n | ts                        |
  | 0 | x | 1 | 2024-02-29T12:00:00Z      |
  | 1 | x | 2 | 2024-03-01T00:00:00Z      |
  | 0 | x | 4 | 2024-03-10T02:30:00-05:00 |
  | 1 | x | 8 | 2024-03-31T03:30:00+02:00 |
  | 0 | x | 16| 2024-10-27T02:30:00+01:00 |

input b:
  | # | k | m | ts                        |
  | 0 | x | 1 | 2024-02-28T12:00:00Z      |
  | 1 | x | 2 | 2024-02-28T23:59:59.999999Z |
  | 0 | x | 4 | 2024-02-29T00:00:00Z      |
  | 1 | x | 8 | 2024-03-09T07:30:00Z      |
  | 0 | x | 16| 2024-03-30T01:29:59Z      |
  | 1 | x | 32| 2024-03-30T02:30:00+01:00 |
  | 0 | x | 64| 2024-10-26T01:29:59Z      |
  | 1 | x | 128| 2024-10-26T02:30:00+01:00 |

rows out:
  | k | n  | m   |
  | x | 1  | 1   |
  | x | 1  | 2   |
  | x | 1  | 4   |
  | x | 16 | 128 |
  | x | 2  | 4   |
  | x | 4  | 8   |
  | x | 8  | 32  |
