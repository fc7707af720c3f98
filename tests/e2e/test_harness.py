"""The tests' own tools: a comparison that never fails proves nothing."""

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal

import pytest

from harness.manifests import isolate, seconds
from harness.oracle import Oracle
from harness.rows import Column, Reader, Record, Rows, appended, difference, upserted

COLUMNS = [Column("account", "VARCHAR"), Column("total", "DECIMAL(38,2)"), Column("ws", "TIMESTAMP")]
ROWS = Rows(COLUMNS, [("a", "1.50", datetime(2024, 1, 1)), ("b", "2.00", datetime(2024, 1, 1)), ("b", "2.00", datetime(2024, 1, 2))])


def value(account="a", total=1.5, ws=1_704_067_200_000) -> bytes:
    return json.dumps({"account": account, "total": total, "ws": ws}).encode()


EXACT = [value(), value("b", 2), value("b", 2, 1_704_153_600_000)]


@pytest.fixture
def expected() -> Counter:
    rows = [(account, Decimal(total), ws) for account, total, ws in ROWS.rows]
    return Rows(COLUMNS, rows).counted()


def read(values, how=appended, epoch_millis=True) -> Counter:
    return how([Record(0, b"k", v) for v in values], Reader(COLUMNS, epoch_millis))


def test_equal_rows_are_equal_in_any_order(expected):
    assert difference(expected, read(EXACT)) is None
    assert difference(expected, read(reversed(EXACT))) is None


@pytest.mark.parametrize("values", [
    pytest.param(EXACT[:-1], id="missing"),
    pytest.param([*EXACT, EXACT[0]], id="repeated"),
    pytest.param([value(total=1.51), *EXACT[1:]], id="another value"),
    pytest.param([value(ws=1_704_067_200_001), *EXACT[1:]], id="another time"),
    pytest.param([value(account="c"), *EXACT[1:]], id="another key"),
    pytest.param([*EXACT[1:], EXACT[1]], id="one missing, another repeated"),
    pytest.param([], id="nothing"),
])
def test_other_rows_differ(expected, values):
    assert difference(expected, read(values)) is not None


@pytest.mark.parametrize("bad", [
    value(account=1),
    value(total="1.5"),
    value(total=True),
    value(ws="2024-01-01T00:00:00Z"),
    b'{"account":"a","total":1.5}',
    b'{"account":"a","total":1.5,"ws":1704067200000,"more":1}',
])
def test_a_field_of_another_type_or_name_is_refused(bad):
    with pytest.raises(AssertionError):
        read([bad])


def test_times_as_text_are_read_where_they_belong():
    assert read([value(ws="2024-01-01T00:00:00Z")], epoch_millis=False) == read([value()])
    with pytest.raises(AssertionError):
        read([value()], epoch_millis=False)


def test_a_row_replaces_the_one_before_with_its_key():
    reader = Reader(COLUMNS, True)
    records = [Record(0, b"a", value()), Record(1, b"b", value("b")), Record(0, b"a", value(total=2)), Record(1, b"b", None)]
    assert upserted(records, reader) == read([value(total=2)])


def test_a_key_in_two_partitions_is_refused():
    with pytest.raises(AssertionError, match="two partitions"):
        upserted([Record(0, b"a", value()), Record(1, b"a", value())], Reader(COLUMNS, True))


PIPELINE = {
    "spec": {
        "sources": [{
            "name": "tx",
            "columns": [
                {"name": "account", "type": "String", "required": True},
                {"name": "amount", "type": "Decimal(12,2)", "required": True},
                {"name": "ts", "type": "Timestamp", "from": "when.at"},
            ],
            "check": "amount >= 0",
        }],
        "streams": [
            {"name": "sums", "sql": "SELECT account, sum(amount) AS total, window_start FROM TUMBLE(tx, ts, INTERVAL '10' SECOND) "
                                    "GROUP BY account, window_start, window_end"},
            {"name": "big", "sql": "SELECT account FROM sums WHERE total > 3"},
        ],
    }
}


def test_the_oracle_reads_leniently_and_cuts_windows_by_hand_computed_bounds(tmp_path):
    file = tmp_path / "tx.jsonl"
    file.write_text("\n".join(json.dumps(r) for r in [
        {"account": 1, "amount": 1.1, "when": {"at": 1704067209}},
        {"account": "1", "amount": "2.2", "when": {"at": "1704067200000"}},
        {"account": "1", "amount": 4, "when": {"at": "2024-01-01T02:00:10+02:00"}},
        {"account": "1", "amount": -1, "when": {"at": "2024-01-01T00:00:10"}},
        {"amount": 7, "when": {"at": "2024-01-01T00:00:10"}},
    ]))
    oracle = Oracle(PIPELINE, {"tx": file})
    sums = [Column("account", "VARCHAR"), Column("total", "DECIMAL(38,2)"), Column("window_start", "TIMESTAMP")]
    first = b'{"account":"1","total":3.30,"window_start":1704067200000}'
    second = b'{"account":"1","total":4.00,"window_start":1704067210000}'
    actual = appended([Record(0, None, first), Record(0, None, second)], Reader(sums, True))
    assert difference(oracle.rows("sums").counted(), actual) is None
    assert oracle.rows("big").counted() == Counter({("1",): 2})


MANIFESTS = """
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: feeder}
spec:
  sources: [{name: made, generator: {kind: Transactions}}]
  outputs: [{from: made, sink: input}]
---
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: sums}
spec:
  sources: [{name: tx, kafka: {topic: input}, eventTime: {column: ts, outOfOrderness: 1m30s}}]
  streams:
  - {name: table, sql: "SELECT a, count(*) AS n FROM tx GROUP BY a"}
  - {name: windows, sql: "SELECT a, count(*) AS n FROM TUMBLE(tx, ts, INTERVAL '1' MINUTE) GROUP BY a, window_start"}
  outputs: [{from: table, sink: table}, {from: windows, sink: windows}, {from: tx, sink: screen}]
---
{apiVersion: tidemill.io/v1alpha1, kind: Sink, metadata: {name: table}, spec: {kafka: {topic: t, partitions: 3}}}
---
{apiVersion: tidemill.io/v1alpha1, kind: Sink, metadata: {name: windows}, spec: {kafka: {topic: w, format: {timestamps: EpochMillis}}}}
---
{apiVersion: tidemill.io/v1alpha1, kind: Sink, metadata: {name: screen}, spec: {stdout: {}}}
---
{apiVersion: tidemill.io/v1alpha1, kind: Sink, metadata: {name: input}, spec: {kafka: {topic: input}}}
"""


def test_manifests_get_topics_of_their_own(tmp_path):
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    (source / "all.yaml").write_text(MANIFESTS)
    (example,) = isolate(source, into, "x1")
    assert (example.name, example.input_topic, example.disorder) == ("sums-x1", "input-x1", 90)
    outputs = {o.stream: (o.topic, o.upsert, o.epoch_millis, o.partitions) for o in example.outputs}
    assert outputs == {"table": ("t-x1", True, False, 3), "windows": ("w-x1", False, True, 1)}
    assert "input-x1" in (example.folder / "manifests.yaml").read_text()


def test_durations():
    assert [seconds(text) for text in ("200ms", "2s", "1m30s", "1h")] == [0.2, 2, 90, 3600]
    with pytest.raises(AssertionError):
        seconds("2 s")
