-- A column can come from deep within a record, under another name.

source t: id Int64, city String from address.city, zip Int32 from address.codes.zip

stream out:
  SELECT id, city, zip FROM t WHERE city <> 'Bonn'

input t:
  {"id": 1, "address": {"city": "Bern", "codes": {"zip": 3000}}}
  {"id": 2, "address": {"codes": {"zip": 1}, "city": "Bonn"}}
  {"id": 3, "address": {"city": "Basel"}}
  {"address": {"city": "Biel", "codes": {"zip": null}}, "id": 4}
  {"id": 5, "address": null}
  {"id": 6}

rows out:
  | id | city  | zip  |
  | 1  | Bern  | 3000 |
  | 3  | Basel | null |
  | 4  | Biel  | null |
