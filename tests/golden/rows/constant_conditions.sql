-- A condition that is always true keeps all rows, one that never is keeps none.

source t: n Int64

stream all_rows:
  SELECT n FROM t WHERE 1 = 1

stream no_rows:
  SELECT n FROM t WHERE false

stream unknown:
  SELECT n FROM t WHERE NULL

input t:
  | n    |
  | 1    |
  | null |

rows all_rows:
  | n    |
  | 1    |
  | null |

rows no_rows:
  | n |

rows unknown:
  | n |
