-- Texts are ordered by their characters' numbers: capitals before small letters, umlauts after all of them.

source t: a String, b String

stream out:
  SELECT a, b, a < b AS before, a = b AS same, a >= b AS at_or_after FROM t

input t:
  | a    | b    |
  | a    | B    |
  | Z    | a    |
  | z    | ä    |
  | "10" | "9"  |
  | abc  | abcd |
  | ""   | a    |
  | "a " | a    |
  | null | a    |

rows out:
  | a    | b    | before | same  | at_or_after |
  | ""   | a    | true   | false | false       |
  | "a " | a    | false  | false | true        |
  | 10   | 9    | true   | false | false       |
  | Z    | a    | true   | false | false       |
  | a    | B    | false  | false | true        |
  | abc  | abcd | true   | false | false       |
  | null | a    | null   | null  | null        |
  | z    | ä    | true   | false | false       |
