-- Conditions on both sides: in ON a row that they are not true of finds nothing; in WHERE it is left out.

source t: k String, n Int64

source c: k String, most Int64
  table: {primaryKey: [k]}

stream in_on:
  SELECT t.k, t.n, c.most FROM t LEFT JOIN c ON t.k = c.k AND t.n <= c.most

stream in_where:
  SELECT t.k, t.n, c.most FROM t LEFT JOIN c ON t.k = c.k WHERE t.n <= c.most OR c.most IS NULL

stream of_the_row:
  SELECT t.k, t.n, c.most FROM t LEFT JOIN c ON t.k = c.k AND t.n > 3

stream of_the_table:
  SELECT t.k, t.n, c.most FROM t JOIN c ON c.most > 5 AND t.k = c.k

input c:
  | k | most |
  | a | 5    |
  | b | 9    |
  | c |      |

input t:
  | k | n |
  | a | 5 |
  | a | 6 |
  | b | 6 |
  | c | 1 |
  | x | 7 |

rows in_on:
  | k | n | most |
  | a | 5 | 5    |
  | a | 6 | null |
  | b | 6 | 9    |
  | c | 1 | null |
  | x | 7 | null |

rows in_where:
  | k | n | most |
  | a | 5 | 5    |
  | b | 6 | 9    |
  | c | 1 | null |
  | x | 7 | null |

rows of_the_row:
  | k | n | most |
  | a | 5 | 5    |
  | a | 6 | 5    |
  | b | 6 | 9    |
  | c | 1 | null |
  | x | 7 | null |

rows of_the_table:
  | k | n | most |
  | b | 6 | 9    |
