-- Least and greatest of every type in a table, over several partitions.

source t: k String, s String, day Date, ts Timestamp, d Decimal(12,2)

stream out:
  SELECT k, min(s) AS first, max(s) AS last, min(day) AS earliest, max(ts) AS latest, min(d) AS cheapest, max(d) AS dearest FROM t GROUP BY k

input t:
  | # | k | s    | day        | ts                          | d             |
  | 0 | a | m    | 2024-02-29 | 2024-02-29T10:00:00Z        | 1.00          |
  | 1 | a | z    | 2024-02-28 | 2024-02-29T11:30:00+02:00   | -1.00         |
  | 0 | a | A    | 2024-03-01 | null                        | null          |
  | 1 | b | null | null       | 1969-12-31T23:59:59.999999Z | 9999999999.99 |

rows out:
  | k | first | last | earliest   | latest                      | cheapest      | dearest       |
  | a | A     | z    | 2024-02-28 | 2024-02-29T10:00:00Z        | -1.00         | 1.00          |
  | b | null  | null | null       | 1969-12-31T23:59:59.999999Z | 9999999999.99 | 9999999999.99 |
