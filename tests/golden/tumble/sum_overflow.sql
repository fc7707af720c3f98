-- A sum of more than 38 digits has no value: its group is a dead letter, the others are not.

source t: k String, d Decimal(38,0), ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, sum(d) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

batch out:
  SELECT k, sum(d) AS sum, time_bucket(INTERVAL '1' HOUR, ts) AS window_start FROM t WHERE k <> 'b' GROUP BY ALL

input t:
  | k | d                                      | ts                   |
  | a | 99999999999999999999999999999999999998 | 2024-01-01T00:00:00Z |
  | b | 99999999999999999999999999999999999999 | 2024-01-01T00:00:00Z |
  | a | 1                                      | 2024-01-01T00:00:01Z |
  | b | 1                                      | 2024-01-01T00:00:01Z |

rows out:
  | k | sum                                    | window_start         |
  | a | 99999999999999999999999999999999999999 | 2024-01-01T00:00:00Z |

dead letters:
  | stream | reason           | value     |
  | out    | ExpressionFailed | {"k":"b"} |
