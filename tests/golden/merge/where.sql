-- WHERE is about joined rows: one that it is not true of any more is deleted.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream known:
  SELECT a.k, a.n + 1 AS more, b.amount FROM a LEFT JOIN b ON a.k = b.k WHERE b.ok IS NOT NULL OR a.n < 0

stream missing:
  SELECT a.k FROM a LEFT JOIN b ON a.k = b.k WHERE b.k IS NULL

input a:
  | @key | k | n | note |
  | x | x | 1  | one  |
  | y | y | -2 |      |
  | z | z |    | last |

input b:
  | @key | k | amount | day | ok |
  | x | x | 999999999999999999999999999999999999.99 | 2024-02-29 | true  |
  | z | z | -0.01                                   | 1969-12-31 | false |
  | w | w |                                         |            |       |

input a:
  | @key | k | n | note |
  | x |  |  |  |
  | nobody |  |  |  |

input b:
  | @key | k | amount | day | ok |
  | z |  |  |  |  |
  | y | y | 5.00 | 2024-10-27 | true |

input a:
  | @key | k | n | note |
  | x | x | 3 | back |

input b:
  | @key | k | amount | day | ok |
  | z | z | 8.00 |  |  |
  | x |  |  |  |  |
  | x | x | 4.00 | 2023-02-28 | false |

rows known:
  | k | more | amount |
  | x | 4    | 4.00   |
  | y | -1   | 5.00   |

rows missing:
  | k |
