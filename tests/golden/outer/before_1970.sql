-- Times before 1970.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.n, b.m FROM a FULL JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' SECOND AND a.ts

input a:
  | k | n | ts                          |
  | x | 1 | 1969-12-31T23:59:58Z        |
  | x | 2 | 1969-12-31T23:59:59.999999Z |
  | x | 4 | 1970-01-01T00:00:00.5Z      |

input b:
  | k | m | ts                          |
  | x | 1 | 1969-12-31T23:59:57Z        |
  | x | 2 | 1969-12-31T23:59:59.5Z      |
  | x | 4 | 1970-01-01T00:00:00.500001Z |

rows out:
  | n    | m |
  | 1    | 1 |
  | 2    | 2 |
  | 4    | 2 |
  | null | 4 |
