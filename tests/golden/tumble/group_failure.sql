-- Where an expression over a group fails, that group is a dead letter and the others are not.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, 60 / sum(n) AS share, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

batch out:
  SELECT * FROM (SELECT k, 60 / nullif(sum(n), 0) AS share, time_bucket(INTERVAL '10' SECOND, ts) AS window_start FROM t GROUP BY ALL) AS r WHERE share IS NOT NULL

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:00Z |
  | b | 5  | 2024-01-01T00:00:01Z |
  | b | -5 | 2024-01-01T00:00:02Z |
  | a | 4  | 2024-01-01T00:00:03Z |

dead letters:
  | stream | reason           | value                                                       |
  | out    | ExpressionFailed | {"k":"b","window_start":"2024-01-01T00:00:00","window_end":"2024-01-01T00:00:10","sum(t.n)":0} |

rows out:
  | k | share | window_start         |
  | a | 12    | 2024-01-01T00:00:00Z |
