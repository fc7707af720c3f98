-- Nothing comes: no rows.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  SELECT count(*) AS rows, window_start FROM TUMBLE(t, ts, INTERVAL '1' MINUTE) GROUP BY window_start, window_end

input t:

rows out:
  | rows | window_start |
