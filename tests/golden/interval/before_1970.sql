-- Times before 1970, and bounds that reach over it.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m, b.ts FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '2' SECOND AND a.ts + INTERVAL '1' SECOND

input a:
  | # | k | n | ts                          |
  | 0 | x | 1 | 1969-12-31T23:59:58Z        |
  | 0 | x | 2 | 1969-12-31T23:59:59.999999Z |
  | 1 | x | 4 | 1970-01-01T00:00:00Z        |
  | 1 | x | 8 | 1970-01-01T00:00:01.5Z      |
  | 0 | y | 16| 1970-01-01T00:00:02Z        |

input b:
  | # | k | m | ts                          |
  | 1 | x | 1 | 1900-01-01T00:00:00Z        |
  | 0 | x | 2 | 1969-12-31T23:59:56Z        |
  | 0 | x | 4 | 1969-12-31T23:59:59Z        |
  | 1 | x | 8 | 1970-01-01T00:00:00Z        |
  | 0 | x | 16| 1970-01-01T00:00:01Z        |
  | 1 | y | 32| 1970-01-01T00:00:03.000001Z |

rows out:
  | k | n | m  | ts                   |
  | x | 1 | 2  | 1969-12-31T23:59:56Z |
  | x | 1 | 4  | 1969-12-31T23:59:59Z |
  | x | 2 | 4  | 1969-12-31T23:59:59Z |
  | x | 2 | 8  | 1970-01-01T00:00:00Z |
  | x | 4 | 16 | 1970-01-01T00:00:01Z |
  | x | 4 | 4  | 1969-12-31T23:59:59Z |
  | x | 4 | 8  | 1970-01-01T00:00:00Z |
  | x | 8 | 16 | 1970-01-01T00:00:01Z |
  | x | 8 | 8  | 1970-01-01T00:00:00Z |
