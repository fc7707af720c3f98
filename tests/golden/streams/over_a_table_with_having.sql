-- A row that HAVING or a reader's WHERE no longer keeps goes, and comes back when both do.

source t: k String, n Int64

stream sums:
  SELECT k, sum(n) AS sum FROM t GROUP BY k HAVING sum(n) > 0

stream small:
  SELECT k, sum AS total FROM sums WHERE sum < 10

input t:
  | k | n |
  | a | 5 |
  | b | 5 |
  | c | 5 |

rows small so far:
  | k | total |
  | a | 5     |
  | b | 5     |
  | c | 5     |

input t:
  | k | n   |
  | a | 15  |
  | b | -15 |
  | c | 1   |

rows small so far:
  | k | total |
  | c | 6     |

input t:
  | k | n   |
  | a | -12 |
  | b | 11  |
  | c | 100 |

rows sums:
  | k | sum |
  | a | 8   |
  | b | 1   |
  | c | 106 |

rows small:
  | k | total |
  | a | 8     |
  | b | 1     |
