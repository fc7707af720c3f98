-- What was deleted comes back with what the other side has now.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream inner_join:
  SELECT a.k, a.n, a.note, b.amount FROM a JOIN b ON a.k = b.k

stream outer_join:
  SELECT a.k, a.note, b.amount, b.day FROM a LEFT JOIN b ON a.k = b.k

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

rows inner_join:
  | k | n    | note | amount |
  | x | 3    | back | 4.00   |
  | y | -2   | null | 5.00   |
  | z | null | last | 8.00   |

rows outer_join:
  | k | note | amount | day        |
  | x | back | 4.00   | 2023-02-28 |
  | y | null | 5.00   | 2024-10-27 |
  | z | last | 8.00   | null       |
