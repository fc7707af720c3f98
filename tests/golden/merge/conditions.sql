-- What else must be true: a row for which it is not is no partner.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream inner_join:
  SELECT a.k, b.amount FROM a JOIN b ON a.k = b.k AND b.amount > 0

stream outer_join:
  SELECT a.k, b.amount, b.ok FROM a LEFT JOIN b ON b.k = a.k AND b.ok AND a.n > 0

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
  | k | amount |
  | x | 4.00   |
  | y | 5.00   |
  | z | 8.00   |

rows outer_join:
  | k | amount | ok   |
  | x | null   | null |
  | y | null   | null |
  | z | null   | null |
