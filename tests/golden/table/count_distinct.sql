-- count(DISTINCT …) in a table, over all partitions.

source t: k String, who String, moment Timestamp

stream out:
  SELECT k, count(DISTINCT who) AS people, count(DISTINCT date_trunc('day', moment)) AS days, count(*) AS visits FROM t GROUP BY k

input t:
  | # | k | who  | moment                    |
  | 0 | a | x    | 2024-02-29T01:00:00Z      |
  | 1 | a | x    | 2024-02-29T23:00:00Z      |
  | 2 | a | y    | 2024-03-01T00:00:00Z      |
  | 0 | b | x    | 2024-03-01T00:30:00+01:00 |
  | 1 | a | null | null                      |
  | 2 | b | x    | 2024-02-29T12:00:00Z      |

rows out:
  | k | people | days | visits |
  | a | 2      | 2    | 4      |
  | b | 1      | 1    | 2      |
