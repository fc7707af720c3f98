-- A stream over a table: its rows are replaced and go as those of the table do.

source t: k String, n Int64

stream sums:
  SELECT k, sum(n) AS sum, count(*) AS rows FROM t GROUP BY k

stream small:
  SELECT k, sum * 2 AS twice FROM sums WHERE sum < 10

input t:
  | k | n |
  | a | 1 |
  | b | 9 |

rows small so far:
  | k | twice |
  | a | 2     |
  | b | 18    |

input t:
  | k | n   |
  | b | 1   |
  | a | 3   |
  | c | 50  |
  | c | -49 |

rows sums:
  | k | sum | rows |
  | a | 4   | 2    |
  | b | 10  | 2    |
  | c | 1   | 2    |

rows small:
  | k | twice |
  | a | 8     |
  | c | 2     |
