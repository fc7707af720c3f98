-- Keys of decimals at their limits, floats of both zeros, dates and truths.

source a: d Decimal(38,2), f Float64, day Date, yes Boolean, n Int64, ts Timestamp
  eventTime: {column: ts}

source b: d Decimal(38,2), f Float64, day Date, yes Boolean, m Int64, ts Timestamp
  eventTime: {column: ts}

stream decimals:
  SELECT a.d, a.n, b.m FROM a JOIN b ON a.d = b.d AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE

stream floats:
  SELECT a.n, b.m FROM a JOIN b ON a.f = b.f AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE

stream dates:
  SELECT a.day, a.yes, a.n, b.m FROM a JOIN b ON a.day = b.day AND a.yes = b.yes AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE

input a:
  | # | d                                        | f    | day        | yes   | n | ts                   |
  | 0 | 999999999999999999999999999999999999.99  | 0.0  | 2024-02-29 | true  | 1 | 2024-01-01T00:00:00Z |
  | 0 | -999999999999999999999999999999999999.99 | -0.0 | 2024-02-29 | false | 2 | 2024-01-01T00:00:01Z |
  | 1 | 0.01                                     | 0.1  | 1969-12-31 | null  | 4 | 2024-01-01T00:00:02Z |
  | 1 | null                                     | null | null       | true  | 8 | 2024-01-01T00:00:03Z |

input b:
  | # | d                                        | f    | day        | yes   | m  | ts                   |
  | 0 | 999999999999999999999999999999999999.99  | -0.0 | 2024-02-29 | true  | 16 | 2024-01-01T00:01:00Z |
  | 1 | -999999999999999999999999999999999999.99 | 0.1  | 2024-02-29 | false | 32 | 2024-01-01T00:01:00Z |
  | 0 | 0.01                                     | 0.0  | 1969-12-31 | null  | 64 | 2024-01-01T00:01:02Z |
  | 1 | null                                     | null | null       | true  | 128| 2024-01-01T00:01:03Z |

rows decimals:
  | d                                        | n | m  |
  | -999999999999999999999999999999999999.99 | 2 | 32 |
  | 0.01                                     | 4 | 64 |
  | 999999999999999999999999999999999999.99  | 1 | 16 |

rows floats:
  | n | m  |
  | 1 | 16 |
  | 2 | 16 |
  | 4 | 32 |

rows dates:
  | day        | yes   | n | m  |
  | 2024-02-29 | false | 2 | 32 |
  | 2024-02-29 | true  | 1 | 16 |
