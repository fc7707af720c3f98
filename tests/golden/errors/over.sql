-- What OVER cannot be, each at its place.

source t: k String, n Int64, ts Timestamp, other Timestamp
  eventTime: {column: ts}

stream functions:
  SELECT k, lead(n) OVER (PARTITION BY k ORDER BY ts) AS a, ntile(3) OVER (PARTITION BY k ORDER BY ts) AS b,
    sum(DISTINCT n) OVER (PARTITION BY k ORDER BY ts) AS c, sum(n) FILTER (WHERE n > 1) OVER (PARTITION BY k ORDER BY ts) AS d
  FROM t

stream frames:
  SELECT k, sum(n) OVER (PARTITION BY k) AS a, sum(n) OVER (PARTITION BY k ORDER BY ts, n) AS b,
    sum(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS c,
    sum(n) OVER (PARTITION BY k ORDER BY ts GROUPS 2 PRECEDING) AS d,
    sum(n) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS e
  FROM t

errors:
