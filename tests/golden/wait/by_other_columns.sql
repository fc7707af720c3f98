-- A row waits for any row with its value: one that has found some comes once with each, and does not wait for more.

source t: n Int64, category String, ts Timestamp
  eventTime: {column: ts}

source p: id Int64, category String, price Decimal(38,2)
  table: {primaryKey: [id]}

stream out:
  onMissing: {waitFor: 1m}
  SELECT t.n, p.id, p.price FROM t JOIN p ON t.category = p.category

batch out: none, because a row that has found one does not wait for more

input p:
  | id | category | price                                  |
  | 1  | x        | 999999999999999999999999999999999999.99 |
  | 3  | x        | 0.00                                   |

input t:
  | n | category | ts                   |
  | 1 | x        | 2024-01-01T00:00:01Z |
  | 2 | y        | 2024-01-01T00:00:02Z |

input p:
  | id | category | price                                   |
  | 2  | y        | -999999999999999999999999999999999999.99 |
  | 4  | x        | 1.00                                    |

input t:
  | n | category | ts                   |
  | 3 | z        | 2024-01-01T00:00:03Z |

input p:
  | id | category | price |
  | 5  | y        | 5.00  |

rows out:
  | n | id | price                                    |
  | 1 | 1  | 999999999999999999999999999999999999.99  |
  | 2 | 2  | -999999999999999999999999999999999999.99 |
  | 1 | 3  | 0.00                                     |
