-- The functions of texts.

source t: s String

stream out:
  SELECT s, upper(s) AS upper, lower(s) AS lower, trim(s) AS trimmed, length(s) AS length, substr(s, 2, 3) AS part, replace(s, 'a', 'AA') AS replaced,
         strpos(s, 'b') AS place, left(s, 2) AS head, right(s, 2) AS tail, lpad(s, 6, '.') AS padded, reverse(s) AS reversed, starts_with(s, 'a') AS starts
  FROM t

input t:
  | s            |
  | abc          |
  | "  banana  " |
  | ""           |
  | Ab           |
  | a,b;c        |
  | null         |

rows out:
  | s            | upper        | lower        | trimmed | length | part  | replaced        | place | head | tail | padded   | reversed     | starts |
  | "  banana  " | "  BANANA  " | "  banana  " | banana  | 10     | " ba" | "  bAAnAAnAA  " | 3     | "  " | "  " | "  bana" | "  ananab  " | false  |
  | ""           | ""           | ""           | ""      | 0      | ""    | ""              | 0     | ""   | ""   | ......   | ""           | false  |
  | Ab           | AB           | ab           | Ab      | 2      | b     | Ab              | 2     | Ab   | Ab   | ....Ab   | bA           | false  |
  | a,b;c        | A,B;C        | a,b;c        | a,b;c   | 5      | ,b;   | AA,b;c          | 3     | a,   | ;c   | .a,b;c   | c;b,a        | true   |
  | abc          | ABC          | abc          | abc     | 3      | bc    | AAbc            | 2     | ab   | bc   | ...abc   | cba          | true   |
  | null         | null         | null         | null    | null   | null  | null            | null  | null | null | null     | null         | null   |
