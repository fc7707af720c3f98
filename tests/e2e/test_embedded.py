"""`tidemill` with nothing but itself: topics in, rows out, on one machine."""

import json
import random
import signal
import time
from itertools import islice
from pathlib import Path

import pytest

from harness.manifests import ROOT, Example, isolate
from harness.oracle import Oracle
from harness.records import account_activity
from harness.rows import Reader, Record, appended, difference
from harness.tidemill import Tidemill
from harness.waiting import wait_until

RECORDS = 20_000


@pytest.fixture
def example(tag, tmp_path) -> Example:
    (example,) = isolate(ROOT / "examples/account-activity", tmp_path, tag)
    return example


@pytest.fixture
def state(tmp_path) -> Path:
    return tmp_path / "state"


def write(tidemill: Tidemill, state: Path, topic: str, records: list[bytes], file: Path):
    """Writes records through the command line, and to the oracle's file."""
    lines = b"".join(record + b"\n" for record in records)
    tidemill.output("topic", "write", topic, "--key-field", "account", "--partitions", 4, "--state", state, stdin=lines, limit=120)
    with file.open("ab") as copy:
        copy.write(lines)


def run_bounded(tidemill: Tidemill, state: Path, example: Example):
    tidemill.run(example.folder, state=state, bounded=True).succeed(limit=300)


def assert_exact(tidemill: Tidemill, state: Path, example: Example, file: Path):
    """Every output equals what the SQL says of the records in the file."""
    oracle = Oracle(example.pipeline, {example.source["name"]: file})
    for output in example.outputs:
        if output.stream in ("deadLetter", "alerts"):
            continue
        expected = oracle.rows(output.stream)
        assert not output.upsert, "this reads values alone"
        lines = tidemill.output("topic", "read", output.topic, "--state", state, limit=120)
        records = [Record(0, None, line.encode()) for line in lines]
        wrong = difference(expected.counted(), appended(records, Reader(expected.columns, output.epoch_millis)))
        assert wrong is None, f"{output.stream} is not exact: {wrong}"
        print(f"{output.stream}: {len(expected.rows):,} rows, equal")


def values(records) -> list[bytes]:
    return [record.value for record in records]


def test_the_records_of_the_readme_give_its_rows(tidemill, example, state, tmp_path):
    records = [
        b'{"account":9999,"amount":600,"timestamp":"1704110405","type":"deposit"}',
        b'{"account":"9999","amount":6900.00,"timestamp":1704110406,"type":"deposit"}',
        b'{"account":1234,"amount":"250","timestamp":1704110401,"type":"deposit"}',
    ]
    write(tidemill, state, example.input_topic, records, tmp_path / "input.jsonl")
    run_bounded(tidemill, state, example)
    outputs = {o.stream: o.topic for o in example.outputs}
    (balances,) = [topic for stream, topic in outputs.items() if "balance" in stream]
    (alerts,) = [topic for stream, topic in outputs.items() if "fraud" in stream]
    window = {"window_start": 1704110400000, "window_end": 1704110410000}
    rows = [json.loads(line) for line in tidemill.output("topic", "read", balances, "--state", state)]
    assert sorted(rows, key=lambda row: row["account"]) == [
        {"account": "1234", "balance": 250.00, **window},
        {"account": "9999", "balance": 7500.00, **window},
    ]
    assert tidemill.output("topic", "read", alerts, "--state", state) == [
        '{"account":9999,"total_activity":7500.00,"threshold":5000.0,"alert_type":"HIGH_ACTIVITY",'
        '"message":"Account 9999 has $7500.00 activity in 1 minute (threshold: $5000.0)"}'
    ]
    assert balances in "\n".join(tidemill.output("topic", "list", "--state", state))


def test_a_second_run_goes_on_where_the_first_stopped(tidemill, example, state, seed, tmp_path):
    file = tmp_path / "input.jsonl"
    records = values(islice(account_activity(seed, example.disorder, step=0.05), 2 * RECORDS))
    # An end closes every window, so the second part begins with a window of its own.
    later = [shifted(value, seconds=600) for value in records[RECORDS:]]
    for part in (records[:RECORDS], later):
        write(tidemill, state, example.input_topic, part, file)
        run_bounded(tidemill, state, example)
    assert_exact(tidemill, state, example, file)


def shifted(value: bytes, seconds: int) -> bytes:
    """The same record at a later time."""
    fields = json.loads(value)
    time_type = type(fields["timestamp"])
    fields["timestamp"] = time_type(int(fields["timestamp"]) + seconds)
    return json.dumps(fields).encode()


def test_a_kill_in_mid_run_loses_and_repeats_nothing(tidemill, example, state, seed, tmp_path):
    file = tmp_path / "input.jsonl"
    records = values(islice(account_activity(seed, example.disorder, step=0.05), 10 * RECORDS))
    write(tidemill, state, example.input_topic, records, file)
    rng = random.Random(seed)
    for _ in range(3):
        run = tidemill.run(example.folder, state=state, bounded=True)
        time.sleep(rng.uniform(0.1, 1.0))  # any moment will do, also one before it has begun or after it has ended
        run.kill()
    run_bounded(tidemill, state, example)
    assert_exact(tidemill, state, example, file)


def test_sigterm_commits_and_leaves_within_two_seconds(tidemill, example, state, seed, tmp_path):
    file = tmp_path / "input.jsonl"
    write(tidemill, state, example.input_topic, values(islice(account_activity(seed, example.disorder, step=0.05), RECORDS)), file)
    run = tidemill.run(example.folder, state=state)
    topic = example.outputs[0].topic

    def has_rows() -> bool:
        assert run.running(), f"it ended by itself:\n{run.tail()}"
        done = tidemill.call("topic", "read", topic, "--state", state)
        return done.returncode == 0 and bool(done.stdout)

    wait_until(has_rows, 60, f"rows in {topic}", pause=0.2)
    asked = time.monotonic()
    run.signal(signal.SIGTERM)
    run.succeed(limit=30)
    took = time.monotonic() - asked
    assert took < 2, f"it took {took:.1f} s to leave"
    run_bounded(tidemill, state, example)
    assert_exact(tidemill, state, example, file)


FAULTY = """\
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: faulty}
spec:
  sources:
  - name: tx
    kafka: {topic: tx}
    columns:
    - {name: account, type: String}
    - {name: amount, type: "Decimal(12,2)"}
  streams:
  - name: sums
    sql: |
      SELECT acount, sum(amount) AS total
      FROM tx
      GROUP BY acount
  - name: sorted
    sql: SELECT account FROM tx ORDER BY account
  outputs:
  - {from: sums, sink: nowhere}
"""


def test_validate_names_every_error_with_its_place(tidemill, tmp_path):
    (tmp_path / "one.yaml").write_text(FAULTY)
    (tmp_path / "two.yaml").write_text(FAULTY.replace("faulty", "faulty-too").replace("Decimal(12,2)", "Money"))
    done = tidemill.call("validate", tmp_path)
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 1, said
    for part in ("one.yaml", "two.yaml", "acount", "account", "ORDER BY", "nowhere", "Money", "one.yaml:14:14", "one.yaml:18:33"):
        assert part in said, f"{part!r} is not in:\n{said}"


def test_validate_accepts_the_examples(tidemill):
    folders = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
    assert folders
    for folder in folders:
        tidemill.output("validate", folder)
