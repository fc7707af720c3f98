-- Parts of texts: from the end, beyond it, and between separators.

source t: s String

stream out:
  SELECT s, substr(s, 3) AS rest, substr(s, 2, 100) AS beyond, split_part(s, ',', 2) AS second, split_part(s, ',', 9) AS none, translate(s, 'ab', 'xy') AS translated,
         repeat(s, 2) AS twice, rtrim(s, 'c') AS cut, ltrim(s, 'a') AS opened, ascii(s) AS code
  FROM t

input t:
  | s     |
  | a,b,c |
  | abc   |
  | ,x    |
  | null  |

rows out:
  | s     | rest | beyond | second | none | translated | twice      | cut  | opened | code |
  | ,x    | ""   | x      | x      | ""   | ,x         | ,x,x       | ,x   | ,x     | 44   |
  | a,b,c | b,c  | ,b,c   | b      | ""   | x,y,c      | a,b,ca,b,c | a,b, | ,b,c   | 97   |
  | abc   | c    | bc     | ""     | ""   | xyc        | abcabc     | ab   | bc     | 97   |
  | null  | null | null   | null   | null | null       | null       | null | null   | null |
