-- Several streams over one source, and one over two levels; each has all rows.

source t: k String, n Int64

stream all_rows:
  SELECT k, n FROM t

stream positive:
  SELECT k, n FROM t WHERE n > 0

stream positive_by_key:
  SELECT k, sum(n) AS sum FROM positive GROUP BY k

stream by_key:
  SELECT k, sum(n) AS sum FROM all_rows GROUP BY k

input t:
  | # | k | n  |
  | 0 | a | 1  |
  | 1 | a | -1 |
  | 1 | b | -5 |
  | 0 | b | 5  |
  | 0 | b | 5  |

rows all_rows:
  | k | n  |
  | a | -1 |
  | a | 1  |
  | b | -5 |
  | b | 5  |
  | b | 5  |

rows positive:
  | k | n |
  | a | 1 |
  | b | 5 |
  | b | 5 |

rows positive_by_key:
  | k | sum |
  | a | 1   |
  | b | 10  |

rows by_key:
  | k | sum |
  | a | 0   |
  | b | 5   |
