"""Golden SQL in batch: each case's queries over its input give, in DuckDB, the rows that the case expects of the engine.

`TIDEMILL_GOLDEN_WRITE=1` adds the rows of streams for which a case has none yet: read them before you believe them.
"""

import os

import pytest

from harness.golden import FOLDER, load
from harness.rows import difference

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
