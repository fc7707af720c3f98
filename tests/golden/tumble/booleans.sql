-- bool_and and bool_or, and the bits of numbers.

source t: k String, b Boolean, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT k, bool_and(b) AS each, bool_or(b) AS some, bit_and(n) AS common, bit_or(n) AS any, bit_xor(n) AS odd, window_start
  FROM TUMBLE(t, ts, INTERVAL '1' HOUR) GROUP BY k, window_start, window_end

input t:
  | k | b     | n    | ts                   |
  | a | true  | 6    | 2024-01-01T00:00:00Z |
  | a | true  | 3    | 2024-01-01T00:01:00Z |
  | b | true  | 1    | 2024-01-01T00:02:00Z |
  | b | false | 1    | 2024-01-01T00:03:00Z |
  | c | null  | null | 2024-01-01T00:04:00Z |
  | c | false | 8    | 2024-01-01T00:05:00Z |
  | d | null  | null | 2024-01-01T00:06:00Z |

rows out:
  | k | each  | some  | common | any  | odd  | window_start         |
  | a | true  | true  | 2      | 7    | 5    | 2024-01-01T00:00:00Z |
  | b | false | true  | 1      | 1    | 0    | 2024-01-01T00:00:00Z |
  | c | false | false | 8      | 8    | 8    | 2024-01-01T00:00:00Z |
  | d | null  | null  | null   | null | null | 2024-01-01T00:00:00Z |
