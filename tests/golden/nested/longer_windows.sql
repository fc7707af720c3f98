-- Windows over windows by their start: each falls into the longer one around it.

source t: k String, u String, n Int64, ts Timestamp
  eventTime: {column: ts, outOfOrderness: 2s}

stream tens:
  SELECT k, sum(n) AS sum, window_start AS begin, window_end AS over FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end


stream minutes:
  SELECT k, sum(sum) AS sum, max(sum) AS most, window_start, window_end FROM TUMBLE(tens, begin, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end


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
  | k    | sum  | begin                | over                 |
  | a    | 128  | 2024-01-01T00:01:50Z | 2024-01-01T00:02:00Z |
  | a    | 5    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | a    | null | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z |
  | b    | 16   | 2024-01-01T00:00:20Z | 2024-01-01T00:00:30Z |
  | b    | 2    | 2024-01-01T00:00:00Z | 2024-01-01T00:00:10Z |
  | b    | 64   | 2024-01-01T00:01:00Z | 2024-01-01T00:01:10Z |
  | c    | 32   | 2024-01-01T00:00:30Z | 2024-01-01T00:00:40Z |
  | null | 8    | 2024-01-01T00:00:10Z | 2024-01-01T00:00:20Z |

rows minutes:
  | k    | sum | most | window_start         | window_end           |
  | a    | 128 | 128  | 2024-01-01T00:01:00Z | 2024-01-01T00:02:00Z |
  | a    | 5   | 5    | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | b    | 18  | 16   | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | b    | 64  | 64   | 2024-01-01T00:01:00Z | 2024-01-01T00:02:00Z |
  | c    | 32  | 32   | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
  | null | 8   | 8    | 2024-01-01T00:00:00Z | 2024-01-01T00:01:00Z |
