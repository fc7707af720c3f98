-- The same record twice is two rows.

source t: id Int64, s String

stream out:
  SELECT s FROM t

input t:
  | id | s    |
  | 1  | a    |
  | 1  | a    |
  | 2  | a    |
  | 3  | null |
  | 3  | null |

rows out:
  | s    |
  | a    |
  | a    |
  | a    |
  | null |
  | null |
