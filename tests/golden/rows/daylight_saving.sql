-- Times with an offset are the same moment whatever clock shows it: the night of the change in Zurich, forth and back.

source t: id Int64, ts Timestamp

stream out:
  SELECT id, ts, extract(hour FROM ts) AS hour, ts - INTERVAL '1' HOUR AS before FROM t

input t:
  | id | ts                        |
  | 1  | 2024-03-31T01:59:59+01:00 | -- the last second of winter
  | 2  | 2024-03-31T03:00:00+02:00 | -- a second later
  | 3  | 2024-10-27T02:30:00+02:00 | -- half past two in summer time
  | 4  | 2024-10-27T02:30:00+01:00 | -- an hour later, half past two again
  | 5  | 2024-10-27T02:30:00       | -- without an offset: UTC
  | 6  | 2024-10-27T02:30:00-0330  | -- in Newfoundland

rows out:
  | id | ts                   | hour | before               |
  | 1  | 2024-03-31T00:59:59Z | 0    | 2024-03-30T23:59:59Z |
  | 2  | 2024-03-31T01:00:00Z | 1    | 2024-03-31T00:00:00Z |
  | 3  | 2024-10-27T00:30:00Z | 0    | 2024-10-26T23:30:00Z |
  | 4  | 2024-10-27T01:30:00Z | 1    | 2024-10-27T00:30:00Z |
  | 5  | 2024-10-27T02:30:00Z | 2    | 2024-10-27T01:30:00Z |
  | 6  | 2024-10-27T06:00:00Z | 6    | 2024-10-27T05:00:00Z |
