-- Names are taken as written; those that are words of SQL, or have a space, are quoted.

source t: Id Int64, order String

stream out:
  SELECT "Id", "order" AS "the order" FROM t

input t:
  | Id | order |
  | 1  | a     |

rows out:
  | Id | the order |
  | 1  | a         |
