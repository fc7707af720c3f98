-- IN and NOT IN with nulls: a value that is not found next to a null is unknown.

source t: id Int64, k String, n Int64

stream out:
  SELECT id, k IN ('a', 'b') AS found, k NOT IN ('a', 'b') AS absent, n IN (1, NULL) AS maybe, n NOT IN (1, NULL) AS never FROM t

stream kept:
  SELECT id FROM t WHERE k NOT IN ('a', 'b')

input t:
  | id | k    | n    |
  | 1  | a    | 1    |
  | 2  | c    | 2    |
  | 3  | null | null |
  | 4  | ""   | 1    |

rows out:
  | id | found | absent | maybe | never |
  | 1  | true  | false  | true  | false |
  | 2  | false | true   | null  | null  |
  | 3  | null  | null   | null  | null  |
  | 4  | false | true   | true  | false |

rows kept:
  | id |
  | 2  |
  | 4  |
