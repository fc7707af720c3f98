-- A table of Debezium's changes: rows come, change and go, whichever way a deletion is told.

source t: n Int64, k String

source c: k String, name String
  table: {primaryKey: [k]}
  format: {type: Debezium}
  check: "name <> ''"

stream out:
  SELECT t.n, c.name FROM t LEFT JOIN c ON t.k = c.k

batch out: none, because DuckDB does not know Debezium's changes

input c:
  {"op": "r", "before": null, "after": {"k": "a", "name": "ann"}}
  {"payload": {"op": "c", "before": null, "after": {"k": "b", "name": "bob"}}}
  {"op": "c", "after": {"k": "c", "name": "cid"}}
  {"op": "u", "before": {"k": "a", "name": "ann"}, "after": {"k": "a", "name": "amy"}}
  {"op": "d", "before": {"k": "b", "name": "bob"}, "after": null}
  {"op": "u", "before": {"k": "c"}, "after": {"k": "c", "name": ""}} -- CheckFailed
  {"op": "d", "before": {"name": "amy"}, "after": null} -- MissingRequired
  {"op": "d", "before": null, "after": null} -- MissingRequired

input t:
  | n | k |
  | 1 | a |
  | 2 | b |
  | 3 | c |

rows out so far:
  | n | name |
  | 1 | amy  |
  | 2 | null |
  | 3 | cid  |

input c:
  | @key                    | k |
  | {"payload":{"k":"a"}}   |   |
  | {"k":"nobody"}          |   |

input t:
  | n | k |
  | 4 | a |

rows out:
  | n | name |
  | 1 | amy  |
  | 2 | null |
  | 3 | cid  |
  | 4 | null |
