-- With `every` rows are handed on less often, and are the same in the end.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  emit: {when: OnUpdate, every: 10s}
  SELECT k, sum(n) AS sum, count(*) AS rows FROM t GROUP BY k

input t:
  | k | n  | ts                   |
  | a | 1  | 2024-01-01T00:00:00Z |
  | b | 2  | 2024-01-01T00:00:01Z |
  | a | 4  | 2024-01-01T00:00:02Z |
  | a | 8  | 2024-01-01T00:00:13Z |
  | b | 16 | 2024-01-01T00:00:14Z |

rows out:
  | k | sum | rows |
  | a | 13  | 3    |
  | b | 18  | 2    |
