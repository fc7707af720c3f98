-- Late rows of either side: they neither go on alone nor keep another from it; those within the disorder are as good as any.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 5s}

stream out:
  SELECT a.k, a.n, b.m FROM a FULL JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '10' SECOND AND a.ts + INTERVAL '10' SECOND

stream dropped:
  lateRecords: Drop
  SELECT a.n, b.m FROM a RIGHT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '10' SECOND AND a.ts + INTERVAL '10' SECOND

input a:
  | # | k | n  | ts                          |
  | 0 | x | 1  | 2024-01-01T00:00:20Z        |
  | 0 | x | 2  | 2024-01-01T00:00:15Z        |
  | 0 | x | 4  | 2024-01-01T00:00:14.999999Z | -- Late in out; Dropped in dropped
  | 1 | y | 8  | 1969-12-31T23:59:59Z        |
  | 1 | y | 16 | 1969-12-31T23:59:50Z        | -- Late in out; Dropped in dropped
  | 1 | z | 32 | 2024-01-01T00:00:30Z        |

input b:
  | # | k | m  | ts                          |
  | 0 | x | 1  | 2024-01-01T00:00:30Z        |
  | 0 | x | 2  | 2024-01-01T00:00:24.999999Z | -- Late in out; Dropped in dropped
  | 0 | x | 4  | 2024-01-01T00:00:25Z        |
  | 1 | y | 8  | 2024-01-01T00:00:00Z        |
  | 1 | y | 16 | 1970-01-01T00:00:09Z        | -- Late in out; Dropped in dropped
  | 1 | z | 32 | 2024-01-01T00:00:40.000001Z |

rows out:
  | k    | n    | m    |
  | null | null | 32   |
  | null | null | 8    |
  | x    | 1    | 1    |
  | x    | 1    | 4    |
  | x    | 2    | 4    |
  | y    | 8    | null |
  | z    | 32   | null |

rows dropped:
  | n    | m  |
  | 1    | 1  |
  | 1    | 4  |
  | 2    | 4  |
  | null | 32 |
  | null | 8  |
