-- Decimals with as many digits as there can be come into a span and go: what is left is exact. Means of negative ones, too.

source t: k String, d Decimal(38,2), m Decimal(8,3), ts Timestamp
  eventTime: {column: ts}
  partitionedBy: [k]

stream out:
  SELECT k, ts, sum(d) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '5' SECOND PRECEDING) AS sum,
    avg(m) OVER (PARTITION BY k ORDER BY ts RANGE INTERVAL '5' SECOND PRECEDING) AS mean
  FROM t

input t:
  | k | d                                        | m          | ts                   |
  | a | 999999999999999999999999999999999999.99  | 0.001      | 2024-01-01T00:00:00Z |
  | a | -999999999999999999999999999999999999.99 | -99999.999 | 2024-01-01T00:00:05Z |
  | a | -0.01                                    | -99999.998 | 2024-01-01T00:00:10.000001Z |
  | a |                                          |            | 2024-01-01T00:00:12Z |
  | a |                                          | 12345.678  | 2024-01-01T00:00:20Z |

rows out:
  | k | ts                          | sum                                     | mean       |
  | a | 2024-01-01T00:00:00Z        | 999999999999999999999999999999999999.99 | 0.001      |
  | a | 2024-01-01T00:00:05Z        | 0.00                                    | -49999.999 |
  | a | 2024-01-01T00:00:10.000001Z | -0.01                                   | -99999.998 |
  | a | 2024-01-01T00:00:12Z        | -0.01                                   | -99999.998 |
  | a | 2024-01-01T00:00:20Z        | null                                    | 12345.678  |
