-- Windows of windows as Flink has them: the time of a window's rows is its last moment, here the last microsecond.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream tens:
  SELECT window_start, window_end, window_time AS rowtime, SUM(n) AS partial
  FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))
  GROUP BY u, window_start, window_end, window_time

stream parts:
  SELECT rowtime, partial FROM tens

stream minutes:
  SELECT window_start AS start, window_end AS over, SUM(partial) AS total, MAX(window_time) AS last
  FROM TABLE(TUMBLE(TABLE parts, DESCRIPTOR(rowtime), INTERVAL '1' MINUTE))
  GROUP BY window_start, window_end

input t:
  | # | k    | u | n    | ts                   |
  | 0 | a    | p | 1    | 2024-01-01T00:00:01Z |
  | 1 | b    | q | 2    | 2024-01-01T00:00:03Z |
  | 0 | a    | q | 4    | 2024-01-01T00:00:02Z |
  | 1 | null | p | 8    | 2024-01-01T00:00:11Z |
  | 0 | a    | p | null | 2024-01-01T00:00:12Z |
  | 1 | b    | p | 16   | 2024-01-01T00:00:25Z |
  | 0 | c    | q | 32   | 2024-01-01T00:00:39Z |
  | 1 | b    | q | 64   | 2024-01-01T00:01:02Z |
  | 0 | a    | p | 128  | 2024-01-01T00:01:58Z |

rows tens:
  | window_start         | window_end           | rowtime                     | partial |
  | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 2024-01-01T00:00:09.999999Z | 1       |
  | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z | 2024-01-01T00:00:09.999999Z | 6       |
  | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z | 2024-01-01T00:00:19.999999Z | 8       |
  | 2024-01-01T00:00:20Z | 2024-01-01T00:00:30Z | 2024-01-01T00:00:29.999999Z | 16      |
  | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z | 2024-01-01T00:00:39.999999Z | 32      |
  | 2024-01-01T00:01:00Z | 2024-01-01T00:01:10Z | 2024-01-01T00:01:09.999999Z | 64      |
  | 2024-01-01T00:01:50Z | 2024-01-01T00:02:00Z | 2024-01-01T00:01:59.999999Z | 128     |

rows parts:
  | rowtime                     | partial |
  | 2024-01-01T00:00:09.999999Z | 1       |
  | 2024-01-01T00:00:09.999999Z | 6       |
  | 2024-01-01T00:00:19.999999Z | 8       |
  | 2024-01-01T00:00:29.999999Z | 16      |
  | 2024-01-01T00:00:39.999999Z | 32      |
  | 2024-01-01T00:01:09.999999Z | 64      |
  | 2024-01-01T00:01:59.999999Z | 128     |

rows minutes:
  | start                | over                 | total | last                        |
  | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z | 63    | 2024-01-01T00:00:59.999999Z |
  | 2024-01-01T00:01:00Z | 2024-01-01T00:02:00Z | 192   | 2024-01-01T00:01:59.999999Z |
