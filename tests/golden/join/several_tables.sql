-- Several tables in a query: the key of the second comes from the first.

source t: k String, n Int64

source c: k String, city Int64
  table: {primaryKey: [k]}

source cities: id Int64, name String
  table: {primaryKey: [id]}

stream all_left:
  SELECT t.n, c.city, cities.name FROM t LEFT JOIN c ON t.k = c.k LEFT JOIN cities ON c.city = cities.id

stream last_inner:
  SELECT t.n, cities.name FROM t LEFT JOIN c ON t.k = c.k JOIN cities ON c.city = cities.id

stream twice_the_same:
  SELECT t.n, one.city AS city, other.k AS namesake FROM t JOIN c one ON t.k = one.k JOIN c other ON other.city = one.city AND other.k <> one.k

input c:
  | k | city |
  | a | 1    |
  | b | 2    |
  | c |      |
  | d | 1    |

input cities:
  | id | name |
  | 1  | Ulm  |

input t:
  | k | n |
  | a | 1 |
  | b | 2 |
  | c | 3 |
  | x | 4 |

rows all_left:
  | n | city | name |
  | 1 | 1    | Ulm  |
  | 2 | 2    | null |
  | 3 | null | null |
  | 4 | null | null |

rows last_inner:
  | n | name |
  | 1 | Ulm  |

rows twice_the_same:
  | n | city | namesake |
  | 1 | 1    | d        |
