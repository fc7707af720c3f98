-- A filter keeps rows of which its condition is true: null is not, and neither is its negation.

source t: id Int64, n Int64

stream above:
  SELECT id FROM t WHERE n > 10

stream not_above:
  SELECT id FROM t WHERE NOT (n > 10)

stream unknown:
  SELECT id FROM t WHERE (n > 10) IS NULL

input t:
  | id | n    |
  | 1  | 9    |
  | 2  | 10   |
  | 3  | 11   |
  | 4  | null |

rows above:
  | id |
  | 3  |

rows not_above:
  | id |
  | 1  |
  | 2  |

rows unknown:
  | id |
  | 4  |
