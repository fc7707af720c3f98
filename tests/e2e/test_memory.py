"""Workers with hardly any memory for state, one of them killed: what goes to local disk and comes back changes no row."""

import signal
from itertools import islice
from pathlib import Path

import pytest

from harness.exactness import assert_exact
from harness.feed import Feed
from harness.manifests import ROOT, isolate
from harness.oracle import Oracle
from harness.records import account_activity
from harness.waiting import wait_until

PARTITIONS = 8
SPAN = 5_000  # seconds of event time that the records cover


def is_spilled(state: Path) -> bool:
    """Whether a worker has state on disk."""
    return any((state / "spill").glob("*/keyspaces/*/tables/*"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["account-activity", "moving-windows"])
def test_state_beyond_memory_is_right_after_a_kill(name, kafka, tidemill, tag, records, seed, tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEMILL_MEMORY", "64Ki")
    (example,) = isolate(ROOT / "examples" / name, tmp_path, tag)
    kafka.make_topic(example.input_topic, PARTITIONS)
    feed = Feed(kafka.bootstrap, example.input_topic, PARTITIONS, tmp_path / "input.jsonl")
    rows = account_activity(seed, example.disorder, step=SPAN / records)
    states = [tmp_path / "state-0", tmp_path / "state-1"]

    def start(i: int, bounded: bool = False):
        return tidemill.run(example.folder, kafka=kafka.bootstrap, state=states[i], bounded=bounded, name=f"worker-{i}")

    workers = [start(0), start(1)]
    feed.write(islice(rows, records // 2))
    wait_until(lambda: all(map(is_spilled, states)), 120, "both workers to have state on disk")
    workers[0].kill()
    assert is_spilled(states[0]), "a worker that is killed puts nothing away"
    workers[0] = start(0)
    feed.write(islice(rows, records - records // 2))
    wait_until(lambda: all(map(is_spilled, states)), 120, "both workers to have state on disk again")
    for worker in workers:
        worker.signal(signal.SIGTERM)
    for worker in workers:
        worker.succeed(limit=60)
    assert not any(map(is_spilled, states)), "a worker that ends takes its state on disk with it"
    start(0, bounded=True).succeed(limit=120 + records / 1_000)
    assert_exact(kafka, example, Oracle(example.pipeline, {example.source["name"]: feed.file}))
