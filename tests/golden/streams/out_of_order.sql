-- The streams of a manifest may stand in any order.

source t: k String, n Int64

stream last:
  SELECT k, sum(twice) AS sum FROM first GROUP BY k

stream first:
  SELECT k, n * 2 AS twice FROM t

batch last:
  SELECT k, sum(n * 2) AS sum FROM t GROUP BY k

input t:
  | k | n |
  | a | 1 |
  | b | 2 |
  | a | 3 |

rows last:
  | k | sum |
  | a | 8   |
  | b | 4   |

rows first:
  | k | twice |
  | a | 2     |
  | a | 6     |
  | b | 4     |
