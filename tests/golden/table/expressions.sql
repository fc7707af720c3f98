-- Keys and results that are computed.

source t: k String, n Int64, day Date

stream out:
  SELECT extract(year FROM day) AS year, upper(k) AS word, sum(n) * 100 AS cents, 'n=' || count(*) AS told, max(n) - min(n) AS spread
  FROM t GROUP BY extract(year FROM day), upper(k)

input t:
  | k | n    | day        |
  | a | 1    | 2023-12-31 |
  | A | 2    | 2024-01-01 |
  | a | 5    | 2024-02-29 |
  | b | 7    | 1969-12-31 |
  | b | null | null       |

rows out:
  | year | word | cents | told | spread |
  | 1969 | B    | 700   | n=1  | 0      |
  | 2023 | A    | 100   | n=1  | 0      |
  | 2024 | A    | 700   | n=2  | 3      |
  | null | B    | null  | n=1  | null   |
