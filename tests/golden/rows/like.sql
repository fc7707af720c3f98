-- LIKE, ILIKE and their opposites; `_` is one character, `%` any number of them.

source t: s String

stream out:
  SELECT s, s LIKE 'a%' AS starts, s LIKE '_b%' AS second, s NOT LIKE '%c' AS ends_otherwise, s ILIKE 'A%' AS any_case, s LIKE '100\%' ESCAPE '\' AS percent FROM t

input t:
  | s    |
  | abc  |
  | Abc  |
  | übc  |
  | 100% |
  | 1000 |
  | ""   |
  | null |

rows out:
  | s    | starts | second | ends_otherwise | any_case | percent |
  | ""   | false  | false  | true           | false    | false   |
  | 100% | false  | false  | true           | false    | true    |
  | 1000 | false  | false  | true           | false    | false   |
  | Abc  | false  | true   | false          | true     | false   |
  | abc  | true   | true   | false          | true     | false   |
  | null | null   | null   | null           | null     | null    |
  | übc  | false  | true   | false          | false    | false   |
