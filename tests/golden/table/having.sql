-- A row comes and goes as HAVING says of its key.

source t: k String, n Int64

stream out:
  SELECT k, sum(n) AS sum FROM t GROUP BY k HAVING sum(n) BETWEEN 1 AND 5

input t:
  | k | n |
  | a | 3 |
  | b | 9 |

rows out so far:
  | k | sum |
  | a | 3   |

input t:
  | k | n  |
  | a | 4  |
  | b | -5 |

rows out so far:
  | k | sum |
  | b | 4   |

input t:
  | k | n   |
  | a | -2  |
  | c | 0   |
  | b | 100 |

rows out:
  | k | sum |
  | a | 5   |
