-- AND, OR and NOT over true, false and null.

source t: a Boolean, b Boolean

stream logic:
  SELECT a, b, a AND b AS both, a OR b AS either, NOT a AS neither, a = b AS same, a IS DISTINCT FROM b AS differ FROM t

stream kept:
  SELECT a, b FROM t WHERE a OR NOT b

input t:
  | a     | b     |
  | true  | true  |
  | true  | false |
  | true  | null  |
  | false | true  |
  | false | false |
  | false | null  |
  | null  | true  |
  | null  | false |
  | null  | null  |

rows logic:
  | a     | b     | both  | either | neither | same  | differ |
  | false | false | false | false  | true    | true  | false  |
  | false | null  | false | null   | true    | null  | true   |
  | false | true  | false | true   | true    | false | true   |
  | null  | false | false | null   | null    | null  | true   |
  | null  | null  | null  | null   | null    | null  | false  |
  | null  | true  | null  | true   | null    | null  | true   |
  | true  | false | false | true   | false   | false | true   |
  | true  | null  | null  | true   | false   | null  | true   |
  | true  | true  | true  | true   | false   | true  | false  |

rows kept:
  | a     | b     |
  | false | false |
  | null  | false |
  | true  | false |
  | true  | null  |
  | true  | true  |
