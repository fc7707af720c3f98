-- Regular expressions: match, replace, with groups and without regard to case.

source t: s String

stream out:
  SELECT s, regexp_like(s, '^[a-z]+[0-9]{2}$') AS matches, regexp_replace(s, '[0-9]+', '#') AS first, regexp_replace(s, '[0-9]', '', 'g') AS without,
         regexp_replace(s, '([a-z]+)([0-9]+)', '\2\1') AS swapped
  FROM t

input t:
  | s      |
  | abc12  |
  | abc123 |
  | a1b2c3 |
  | ABC12  |
  | a\|b1  |
  | ""     |
  | null   |

rows out:
  | s      | matches | first  | without | swapped |
  | ""     | false   | ""     | ""      | ""      |
  | ABC12  | false   | ABC#   | ABC     | ABC12   |
  | a1b2c3 | false   | a#b2c3 | abc     | 1ab2c3  |
  | a\|b1  | false   | a\|b#  | a\|b    | a\|1b   |
  | abc12  | true    | abc#   | abc     | 12abc   |
  | abc123 | false   | abc#   | abc     | 123abc  |
  | null   | null    | null   | null    | null    |
