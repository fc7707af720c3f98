-- Around a leap day, and where clocks are put forward and back: what is an hour apart is so in UTC.

source a: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: k String, m Int64, ts Timestamp
  eventTime: {column: ts}

stream within_an_hour:
  SELECT a.n, b.m FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' HOUR

stream a_day_before:
  SELECT a.n, b.m FROM a FULL JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '1' DAY AND a.ts - INTERVAL '23' HOUR

input a:
  | k    | n   | ts                        |
  | leap | 1   | 2023-02-28T23:30:00Z      |
  | leap | 2   | 2024-02-28T23:30:00Z      |
  | leap | 4   | 2024-02-29T23:30:00Z      |
  | leap | 8   | 2024-03-01T12:00:00Z      |
  | on   | 16  | 2024-03-31T01:30:00+01:00 |
  | on   | 32  | 2024-03-31T03:30:00+02:00 |
  | back | 64  | 2024-10-27T02:30:00+02:00 |
  | back | 128 | 2024-10-27T02:30:00+01:00 |

input b:
  | k    | m   | ts                        |
  | leap | 1   | 2023-03-01T00:00:00Z      |
  | leap | 2   | 2024-02-29T00:00:00Z      |
  | leap | 4   | 2024-02-29T12:30:00Z      |
  | leap | 8   | 2024-03-01T00:30:00.000001Z |
  | on   | 16  | 2024-03-31T03:00:00+02:00 |
  | on   | 32  | 2024-03-31T03:30:00.000001+02:00 |
  | back | 64  | 2024-10-27T02:00:00+01:00 |
  | back | 128 | 2024-10-27T03:30:00+01:00 |

rows within_an_hour:
  | n   | m    |
  | 1   | 1    |
  | 128 | 128  |
  | 16  | 16   |
  | 2   | 2    |
  | 32  | 32   |
  | 4   | null |
  | 64  | 64   |
  | 8   | null |

rows a_day_before:
  | n    | m    |
  | 1    | null |
  | 128  | null |
  | 16   | null |
  | 2    | null |
  | 32   | null |
  | 4    | 2    |
  | 64   | null |
  | 8    | 4    |
  | null | 1    |
  | null | 128  |
  | null | 16   |
  | null | 32   |
  | null | 64   |
  | null | 8    |
