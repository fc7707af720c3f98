-- Sums over panes are the sums over rows, to the last digit; one that has no room is a dead letter of each of its windows.

source t: k String, d Decimal(38,2), ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(d) AS sum, stddev_pop(CAST(d AS DOUBLE)) AS spread, window_end FROM HOP(t, ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k | d                                        | ts                   |
  | a | 0.01                                     | 2024-01-01T00:00:01Z |
  | a | 999999999999999999999999999999999999.98  | 2024-01-01T00:00:06Z |
  | b | -0.01                                    | 2024-01-01T00:00:06Z |

rows out:
  | k | sum                                     | spread | window_end           |
  | a | 0.01                                    | 0.0    | 2024-01-01T00:00:05Z |
  | a | 999999999999999999999999999999999999.98 | 0.0    | 2024-01-01T00:00:15Z |
  | a | 999999999999999999999999999999999999.99 | 5e+35  | 2024-01-01T00:00:10Z |
  | b | -0.01                                   | 0.0    | 2024-01-01T00:00:10Z |
  | b | -0.01                                   | 0.0    | 2024-01-01T00:00:15Z |
