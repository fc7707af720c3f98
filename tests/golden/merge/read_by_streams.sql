-- A stream reads the joined table, and leaves rows out.

source a: k String, n Int64, note String
  table: {primaryKey: [k]}

source b: k String, amount Decimal(38,2), day Date, ok Boolean
  table: {primaryKey: [k]}

stream joined:
  SELECT a.k, a.n, b.amount FROM a JOIN b ON a.k = b.k

stream some:
  SELECT k, amount FROM joined WHERE n IS NULL OR n < 10

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

rows joined:
  | k | n    | amount |
  | x | 3    | 4.00   |
  | y | -2   | 5.00   |
  | z | null | 8.00   |

rows some:
  | k | amount |
  | x | 4.00   |
  | y | 5.00   |
  | z | 8.00   |
