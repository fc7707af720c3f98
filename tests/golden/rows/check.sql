-- A row of which the check is not true goes to the dead letters; null is not true.

source t: id Int64, amount Decimal(8,2)
  check: "amount > 0 AND amount < 1000"

stream out:
  SELECT id, amount FROM t

input t:
  | id | amount |
  | 1  | 0.01   |
  | 2  | 0      | -- CheckFailed
  | 3  | -5     | -- CheckFailed
  | 4  |        | -- CheckFailed
  | 5  | 999.99 |
  | 6  | 1000   | -- CheckFailed

rows out:
  | id | amount |
  | 1  | 0.01   |
  | 5  | 999.99 |
