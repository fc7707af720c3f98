-- Without a window a grouping is a table, one row per key, kept up to date.

source t: k String, n Int64

stream out:
  SELECT k, sum(n) AS sum, count(*) AS rows, avg(n) AS mean, max(n) AS most FROM t GROUP BY k

input t:
  | k | n |
  | a | 1 |
  | b | 2 |

rows out so far:
  | k | sum | rows | mean | most |
  | a | 1   | 1    | 1    | 1    |
  | b | 2   | 1    | 2    | 2    |

input t:
  | k | n    |
  | a | 4    |
  | c | null |
  | a | -2   |

rows out:
  | k | sum  | rows | mean | most |
  | a | 3    | 3    | 1.0  | 4    |
  | b | 2    | 1    | 2.0  | 2    |
  | c | null | 1    | null | null |
