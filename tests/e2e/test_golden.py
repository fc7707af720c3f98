"""Golden SQL in batch: each case's queries over its input give, in DuckDB, the rows that the case expects of the engine.

`TIDEMILL_GOLDEN_WRITE=1` adds the rows of streams for which a case has none yet: read them before you believe them.
"""

import os

import pytest

from harness.golden import FOLDER, Case, load
from harness.rows import difference, micros

FILES = sorted(FOLDER.glob("*/*.sql"))


def test_there_are_cases():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_another_engine_gives_the_rows_in_batch(file):
    case = load(file)
    for stream in case.compared() if case.records else []:
        rows = case.batch_rows(stream)
        if os.environ.get("TIDEMILL_GOLDEN_WRITE") and stream not in case.rows:
            case.add(stream, rows)
            continue
        assert stream in case.rows, f"there is no `rows {stream}:`"
        wrong = difference(case.expected(stream, rows.columns), rows.counted())
        assert wrong is None, f"{file}: {stream}: {wrong}"


def test_a_row_of_overlapping_windows_is_in_each_of_them(tmp_path):
    case = read(tmp_path, """
source t: n Int64, ts Timestamp

stream hops:
  SELECT n, window_start, window_end FROM HOP(t, ts, INTERVAL '4' SECOND, INTERVAL '10' SECOND)

stream steps:
  SELECT n, window_start, window_end FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) WHERE n < 9

input t:
  | n | ts                   |
  | 1 | 1970-01-01T00:00:12Z |
  | 2 | 1969-12-31T23:59:59Z |
""")
    assert bounds(case, "hops") == [(1, 4, 14), (1, 8, 18), (1, 12, 22), (2, -8, 2), (2, -4, 6)]
    assert bounds(case, "steps") == [(1, 0, 15), (2, -15, 0)]


def test_a_table_holds_the_latest_row_of_each_key(tmp_path):
    case = read(tmp_path, """
source t: k String, n Int64
  table: {primaryKey: [k]}

stream out:
  SELECT k, n FROM t

input t:
  | k | n |
  | a | 1 |
  | b | 2 |
  | a | 0 |
""")
    assert sorted(case.batch_rows("out").rows) == [("a", 0), ("b", 2)]


def test_records_that_are_not_used_are_left_out_where_that_is_so(tmp_path):
    case = read(tmp_path, """
source t: n Int64

stream a:
  SELECT n FROM t

stream b:
  SELECT n FROM a

stream c:
  SELECT n FROM t

input t:
  | n |
  | 1 |
  | 2 | -- Late in a
  | 4 | -- WrongType
  | 8 | -- Late in b; Late in c
  | 9 | -- 9 is a number
""")
    found = {stream: sorted(n for (n,) in case.batch_rows(stream).rows) for stream in case.streams}
    assert found == {"a": [1, 8, 9], "b": [1, 9], "c": [1, 2, 9]}


def read(folder, text: str) -> Case:
    file = folder / "case.sql"
    file.write_text(f"-- A case.\n{text}")
    return load(file)


def bounds(case: Case, stream: str) -> list[tuple]:
    """Rows with their window in seconds since 1970."""
    return sorted((n, micros(start) // 1_000_000, micros(end) // 1_000_000) for n, start, end in case.batch_rows(stream).rows)
