-- Windows of any length are aligned to 1970: 7 minutes, 90 seconds, 250 milliseconds.

source t: ts Timestamp
  eventTime: {column: ts}

stream minutes:
  SELECT count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '7' MINUTE) GROUP BY window_start, window_end

stream seconds:
  SELECT count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '90' SECOND) GROUP BY window_start, window_end

stream quarters:
  SELECT count(*) AS rows, window_start, window_end FROM TUMBLE(t, ts, INTERVAL '250 milliseconds') GROUP BY window_start, window_end

input t:
  | ts                          |
  | 2024-01-01T00:00:00Z        |
  | 2024-01-01T00:00:00.249999Z |
  | 2024-01-01T00:00:00.25Z     |
  | 2024-01-01T00:01:29.999Z    |
  | 2024-01-01T00:01:30Z        |
  | 2024-01-01T00:05:00Z        |
  | 2024-01-01T00:10:00Z        |

rows minutes:
  | rows | window_start         | window_end           |
  | 1    | 2024-01-01T00:08:00Z | 2024-01-01T00:15:00Z |
  | 3    | 2023-12-31T23:54:00Z | 2024-01-01T00:01:00Z |
  | 3    | 2024-01-01T00:01:00Z | 2024-01-01T00:08:00Z |

rows seconds:
  | rows | window_start         | window_end           |
  | 1    | 2024-01-01T00:01:30Z | 2024-01-01T00:03:00Z |
  | 1    | 2024-01-01T00:04:30Z | 2024-01-01T00:06:00Z |
  | 1    | 2024-01-01T00:09:00Z | 2024-01-01T00:10:30Z |
  | 4    | 2024-01-01T00:00:00Z | 2024-01-01T00:01:30Z |

rows quarters:
  | rows | window_start                | window_end                  |
  | 1    | 2024-01-01T00:00:00.250000Z | 2024-01-01T00:00:00.500000Z |
  | 1    | 2024-01-01T00:01:29.750000Z | 2024-01-01T00:01:30Z        |
  | 1    | 2024-01-01T00:01:30Z        | 2024-01-01T00:01:30.250000Z |
  | 1    | 2024-01-01T00:05:00Z        | 2024-01-01T00:05:00.250000Z |
  | 1    | 2024-01-01T00:10:00Z        | 2024-01-01T00:10:00.250000Z |
  | 2    | 2024-01-01T00:00:00Z        | 2024-01-01T00:00:00.250000Z |
