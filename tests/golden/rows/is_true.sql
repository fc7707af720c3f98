-- IS TRUE, IS FALSE and IS UNKNOWN give true or false whatever they look at.

source t: b Boolean

stream out:
  SELECT b, b IS TRUE AS yes, b IS NOT TRUE AS not_yes, b IS FALSE AS no, b IS NOT FALSE AS not_no, b IS UNKNOWN AS unknown FROM t

batch out:
  SELECT b, b IS TRUE AS yes, b IS NOT TRUE AS not_yes, b IS FALSE AS no, b IS NOT FALSE AS not_no, b IS NULL AS unknown FROM t

input t:
  | b     |
  | true  |
  | false |
  | null  |

rows out:
  | b     | yes   | not_yes | no    | not_no | unknown |
  | false | false | true    | true  | false  | false   |
  | null  | false | true    | false | true   | true    |
  | true  | true  | false   | false | true   | false   |
