-- Rows of one time are each joined with all of the other stream; the time itself may be the key.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT a.k, a.n, b.m, a.ts FROM a JOIN b ON a.k = b.k AND a.ts = b.ts

stream by_time:
  SELECT a.k, b.k AS other, a.n, b.m FROM a JOIN b ON a.ts = b.ts

input a:
  | # | k | n   | ts                   |
  | 0 | x | 1   | 2024-01-01T00:00:01Z |
  | 1 | x | 2   | 2024-01-01T00:00:01Z |
  | 0 | x | 2   | 2024-01-01T00:00:01Z |
  | 0 | x | 2   | 2024-01-01T00:00:01Z |
  | 1 | y | 4   | 2024-01-01T00:00:01Z |
  | 0 | x | 8   | 2024-01-01T00:00:02Z |

input b:
  | # | k | m   | ts                   |
  | 0 | x | 1   | 2024-01-01T00:00:01Z |
  | 0 | x | 1   | 2024-01-01T00:00:01Z |
  | 1 | x | 4   | 2024-01-01T00:00:01.000001Z |
  | 1 | x | 8   | 2024-01-01T00:00:02Z |

rows out:
  | k | n | m | ts                   |
  | x | 1 | 1 | 2024-01-01T00:00:01Z |
  | x | 1 | 1 | 2024-01-01T00:00:01Z |
  | x | 2 | 1 | 2024-01-01T00:00:01Z |
  | x | 2 | 1 | 2024-01-01T00:00:01Z |
  | x | 2 | 1 | 2024-01-01T00:00:01Z |
  | x | 2 | 1 | 2024-01-01T00:00:01Z |
  | x | 2 | 1 | 2024-01-01T00:00:01Z |
  | x | 2 | 1 | 2024-01-01T00:00:01Z |
  | x | 8 | 8 | 2024-01-01T00:00:02Z |

rows by_time:
  | k | other | n | m |
  | x | x     | 1 | 1 |
  | x | x     | 1 | 1 |
  | x | x     | 2 | 1 |
  | x | x     | 2 | 1 |
  | x | x     | 2 | 1 |
  | x | x     | 2 | 1 |
  | x | x     | 2 | 1 |
  | x | x     | 2 | 1 |
  | x | x     | 8 | 8 |
  | y | x     | 4 | 1 |
  | y | x     | 4 | 1 |
