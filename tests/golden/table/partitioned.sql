-- A table over a topic that is partitioned by the key: no shuffle.

source t: k String, n Int64
  partitionedBy: [k]

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows FROM t GROUP BY k

input t:
  | # | k | n  |
  | 0 | a | 1  |
  | 1 | b | 2  |
  | 0 | c | 4  |
  | 0 | a | 8  |
  | 1 | b | 16 |

rows out:
  | k | sum | rows |
  | a | 9   | 2    |
  | b | 18  | 2    |
  | c | 4   | 1    |
