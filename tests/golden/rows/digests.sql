-- Hashes of texts, as hexadecimal digits.

source t: s String

stream out:
  SELECT s, md5(s) AS md5, encode(sha256(s), 'hex') AS sha FROM t

batch out:
  SELECT s, md5(s) AS md5, sha256(s) AS sha FROM t

input t:
  | s      |
  | abc    |
  | ""     |
  | Zürich |
  | null   |

rows out:
  | s      | md5                              | sha                                                              |
  | ""     | d41d8cd98f00b204e9800998ecf8427e | e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 |
  | Zürich | 103a821a3a6a0b923c9f74a39662bb51 | 4251685e06cab635578c72b1f5f221e9840a05ac4d8f2404be4177aa87f9907d |
  | abc    | 900150983cd24fb0d6963f7d28e17f72 | ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad |
  | null   | null                             | null                                                             |
