-- With emit OnUpdate and allowedLateness a late record corrects a row that is out already.

source t: n Int64, ts Timestamp
  eventTime: {column: ts}

stream out:
  emit: {when: OnUpdate}
  allowedLateness: 30s
  SELECT sum(n) AS sum, window_start FROM TUMBLE(t, ts, INTERVAL '10' SECOND) GROUP BY window_start, window_end

input t:
  | n | ts                   |
  | 1 | 2024-01-01T00:00:01Z |
  | 2 | 2024-01-01T00:00:30Z |

rows out so far:
  | sum | window_start         |
  | 1   | 2024-01-01T00:00:00Z |
  | 2   | 2024-01-01T00:00:30Z |

input t:
  | n | ts                   |
  | 4 | 2024-01-01T00:00:02Z |

rows out so far:
  | sum | window_start         |
  | 5   | 2024-01-01T00:00:00Z |
  | 2   | 2024-01-01T00:00:30Z |

input t:
  | n  | ts                   |
  | 8  | 2024-01-01T00:00:40Z |
  | 16 | 2024-01-01T00:00:03Z | -- Late in out
  | 32 | 2024-01-01T00:00:13Z |

rows out:
  | sum | window_start         |
  | 2   | 2024-01-01T00:00:30Z |
  | 32  | 2024-01-01T00:00:10Z |
  | 5   | 2024-01-01T00:00:00Z |
  | 8   | 2024-01-01T00:00:40Z |
