-- Four streams, each over the one before.

source t: id Int64, n Int64

stream a:
  SELECT id, n + 1 AS n FROM t

stream b:
  SELECT id, n * 2 AS n FROM a WHERE n > 1

stream c:
  SELECT id, n - 1 AS n, n % 4 = 0 AS even FROM b

stream d:
  SELECT even, count(*) AS rows, sum(n) AS sum FROM c GROUP BY even

input t:
  | # | id | n    |
  | 0 | 1  | 0    |
  | 1 | 2  | 1    |
  | 0 | 3  | 2    |
  | 1 | 4  | null |
  | 0 | 5  | 3    |

rows a:
  | id | n    |
  | 1  | 1    |
  | 2  | 2    |
  | 3  | 3    |
  | 4  | null |
  | 5  | 4    |

rows b:
  | id | n |
  | 2  | 4 |
  | 3  | 6 |
  | 5  | 8 |

rows c:
  | id | n | even  |
  | 2  | 3 | true  |
  | 3  | 5 | false |
  | 5  | 7 | true  |

rows d:
  | even  | rows | sum |
  | false | 1    | 5   |
  | true  | 2    | 10  |
