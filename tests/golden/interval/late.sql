-- What is late in its own partition is joined with nothing, and rows that come out of order but in time are.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '10' SECOND AND a.ts + INTERVAL '10' SECOND

stream dropped:
  lateRecords: Drop
  SELECT a.k, a.n, b.m FROM a JOIN b ON a.k = b.k AND a.ts = b.ts

input a:
  | # | k | n   | ts                   |
  | 0 | x | 1   | 2024-01-01T00:00:10Z |
  | 0 | x | 2   | 2024-01-01T00:00:05Z |
  | 0 | x | 4   | 2024-01-01T00:00:04.999999Z | -- Late in out; Dropped in dropped
  | 1 | x | 8   | 2024-01-01T00:00:04.999999Z |
  | 0 | x | 16  | 2024-01-01T00:01:00Z |
  | 0 | x | 32  | 2024-01-01T00:00:55Z |
  | 0 | y | 64  | 2024-01-01T00:00:10Z | -- Late in out; Dropped in dropped
  | 1 | y | 128 | 2024-01-01T00:00:10Z |

input b:
  | # | k | m  | ts                   |
  | 0 | x | 1  | 2024-01-01T00:00:05Z |
  | 0 | y | 2  | 2024-01-01T00:00:10Z |
  | 0 | x | 4  | 2024-01-01T00:00:09.999999Z | -- Late in out; Dropped in dropped
  | 0 | x | 8  | 2024-01-01T00:00:55Z |
  | 1 | x | 16 | 2024-01-01T00:00:10Z |

rows out:
  | k | n   | m  |
  | x | 1   | 1  |
  | x | 1   | 16 |
  | x | 16  | 8  |
  | x | 2   | 1  |
  | x | 2   | 16 |
  | x | 32  | 8  |
  | x | 8   | 1  |
  | x | 8   | 16 |
  | y | 128 | 2  |

rows dropped:
  | k | n   | m  |
  | x | 1   | 16 |
  | x | 2   | 1  |
  | x | 32  | 8  |
  | y | 128 | 2  |
