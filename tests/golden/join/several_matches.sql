-- By columns that are no key a row may find several: it comes once with each.

source t: n Int64, category String

source p: id String, category String, price Int64
  table: {primaryKey: [id]}

stream inner_join:
  SELECT t.n, p.id FROM t JOIN p ON t.category = p.category

stream outer_join:
  SELECT t.n, p.id FROM t LEFT JOIN p ON t.category = p.category AND p.price > t.n

stream two_columns:
  SELECT t.n, p.id FROM t JOIN p ON t.category = p.category AND p.price = t.n * 10

input p:
  | id | category | price |
  | a  | x        | 10    |
  | b  | x        | 20    |
  | c  | y        | 30    |
  | d  |          | 40    |

input t:
  | n  | category |
  | 1  | x        |
  | 15 | x        |
  | 50 | x        |
  | 3  | y        |
  | 4  | z        |
  | 5  |          |

rows inner_join:
  | n  | id |
  | 1  | a  |
  | 1  | b  |
  | 15 | a  |
  | 15 | b  |
  | 50 | a  |
  | 50 | b  |
  | 3  | c  |

rows outer_join:
  | n  | id   |
  | 1  | a    |
  | 1  | b    |
  | 15 | b    |
  | 50 | null |
  | 3  | c    |
  | 4  | null |
  | 5  | null |

rows two_columns:
  | n | id |
  | 1 | a  |
  | 3 | c  |
