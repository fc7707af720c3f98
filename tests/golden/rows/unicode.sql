-- Texts are counted, cut and turned by character, not by byte.

source t: s String

stream out:
  SELECT s, char_length(s) AS chars, octet_length(s) AS bytes, upper(s) AS upper, substr(s, 2, 1) AS second, reverse(s) AS reversed, left(s, 1) AS first FROM t

batch out:
  SELECT s, length(s) AS chars, strlen(s) AS bytes, upper(s) AS upper, substr(s, 2, 1) AS second, reverse(s) AS reversed, left(s, 1) AS first FROM t

input t:
  | s      |
  | Zürich |
  | 日本語    |
  | naïve  |
  | añb    |
  | Ωmega  |

rows out:
  | s      | chars | bytes | upper  | second | reversed | first |
  | Zürich | 6     | 7     | ZÜRICH | ü      | hcirüZ   | Z     |
  | añb    | 3     | 4     | AÑB    | ñ      | bña      | a     |
  | naïve  | 5     | 6     | NAÏVE  | a      | evïan    | n     |
  | Ωmega  | 5     | 6     | ΩMEGA  | m      | agemΩ    | Ω     |
  | 日本語    | 3     | 9     | 日本語    | 本      | 語本日      | 日     |
