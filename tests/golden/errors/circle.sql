-- Streams that read each other.

source t: n Int64

stream a:
  SELECT n FROM b

stream b:
  SELECT n FROM a

errors:
  spec.streams[0].sql: streams read each other in a circle: a reads b reads a (let one of them read a source)
