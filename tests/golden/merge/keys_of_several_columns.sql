-- Keys of several columns, in whatever order they are named; negative ones, too.

source a: region Int32, id Int64, name String
  table: {primaryKey: [region, id]}

source b: id Int64, region Int32, city String
  table: {primaryKey: [id, region]}

stream inner_join:
  SELECT a.region, a.id, a.name, b.city FROM a JOIN b ON b.region = a.region AND a.id = b.id

stream outer_join:
  SELECT a.id, a.region, b.city FROM a LEFT JOIN b ON a.id = b.id AND a.region = b.region

input a:
  | @key                  | region | id | name |
  | r                     | 1      | -1 | ann  |
  | r                     | 1      | 2  | bob  |
  | r                     | -2     | 2  | cid  |

input b:
  | @key | region | id | city |
  | r    | 1      | -1 | Ulm  |
  | r    | -2     | 2  | Bonn |
  | r    | 2      | 1  | Kiel |

input a:
  | @key                     | region | id | name |
  | r                        | -2     | 2  | dan  |
  | {"region": 1, "id": -1}  |        |    |      |

rows inner_join:
  | region | id | name | city |
  | -2     | 2  | dan  | Bonn |

rows outer_join:
  | id | region | city |
  | 2  | -2     | Bonn |
  | 2  | 1      | null |
