-- min and max of texts, dates, times, decimals and booleans.

source t: s String, day Date, d Decimal(38,2), b Boolean, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT min(s) AS first, max(s) AS last, min(day) AS earliest, max(day) AS latest, min(ts) AS from_time, max(ts) AS to_time, min(d) AS least, max(d) AS most, min(b) AS some_false, max(b) AS some_true, window_start
  FROM TUMBLE(t, ts, INTERVAL '1' DAY) GROUP BY window_start, window_end

input t:
  | s    | day        | d                                        | b     | ts                          |
  | b    | 2024-02-29 | 1                                        | true  | 2024-02-29T10:00:00Z        |
  | ""   | 1969-07-20 | -999999999999999999999999999999999999.99 | false | 2024-02-29T09:00:00.000001Z |
  | ä    | 2024-03-01 | 999999999999999999999999999999999999.99  | null  | 2024-02-29T23:59:59.999999Z |
  | Z    | null       | null                                     | true  | 2024-03-01T00:00:00Z        |
  | null | null       | null                                     | null  | 2024-03-02T00:00:00Z        |

rows out:
  | first | last | earliest   | latest     | from_time                   | to_time                     | least                                    | most                                    | some_false | some_true | window_start         |
  | ""    | ä    | 1969-07-20 | 2024-03-01 | 2024-02-29T09:00:00.000001Z | 2024-02-29T23:59:59.999999Z | -999999999999999999999999999999999999.99 | 999999999999999999999999999999999999.99 | false      | true      | 2024-02-29T00:00:00Z |
  | Z     | Z    | null       | null       | 2024-03-01T00:00:00Z        | 2024-03-01T00:00:00Z        | null                                     | null                                    | true       | true      | 2024-03-01T00:00:00Z |
  | null  | null | null       | null       | 2024-03-02T00:00:00Z        | 2024-03-02T00:00:00Z        | null                                     | null                                    | null       | null      | 2024-03-02T00:00:00Z |
