-- What is selected may compute with keys, aggregates and the window's bounds.

source t: k String, n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT 'k-' || k AS name, sum(n) + count(*) AS both, round(avg(n), 1) AS mean, max(n) - min(n) AS spread, window_end - INTERVAL '1' SECOND AS last_second,
         coalesce(sum(n), 0) AS total, CASE WHEN count(*) > 1 THEN 'many' ELSE 'one' END AS how_many
  FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end

input t:
  | k    | n    | ts                   |
  | a    | 1    | 2024-01-01T00:00:00Z |
  | a    | 4    | 2024-01-01T00:00:01Z |
  | b    | null | 2024-01-01T00:00:02Z |
  | null | 7    | 2024-01-01T00:00:12Z |

rows out:
  | name | both | mean | spread | last_second          | total | how_many |
  | k-a  | 7    | 2.5  | 3      | 2024-01-01T00:00:09Z | 5     | many     |
  | k-b  | null | null | null   | 2024-01-01T00:00:09Z | 0     | one      |
  | null | 8    | 7.0  | 0      | 2024-01-01T00:00:19Z | 7     | one      |
