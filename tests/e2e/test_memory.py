"""Workers with far less memory than their state takes, one of them killed: what goes to local disk and comes back changes no row."""

from itertools import islice

import pytest

from harness.crew import Crew
from harness.exactness import assert_exact
from harness.feed import Feed
from harness.manifests import ROOT, isolate
from harness.oracle import Oracle
from harness.records import account_activity
from harness.tidemill import is_spilled
from harness.waiting import wait_until

PARTITIONS = 8
RECORDS = 60_000
ACCOUNTS = 30_000
STEP = 0.2  # seconds of event time between records: a session of an account outlasts some of its rests, and not others


@pytest.mark.timeout(900)
@pytest.mark.parametrize("manifests", ["memory", "memory-rows"])
def test_state_beyond_memory_is_right_after_a_kill(kafka, tidemill, tag, seed, tmp_path, monkeypatch, manifests):
    monkeypatch.setenv("TIDEMILL_MEMORY", "4Mi")
    (example,) = isolate(ROOT / "tests/e2e/manifests" / manifests, tmp_path, tag)
    kafka.make_topic(example.input_topic, PARTITIONS)
    feed = Feed(kafka.bootstrap, example.input_topic, PARTITIONS, tmp_path / "input.jsonl")
    rows = account_activity(seed, example.disorder, STEP, ACCOUNTS)
    states = [tmp_path / "state-0", tmp_path / "state-1"]
    crew = Crew(tidemill, [example.folder], kafka.bootstrap, tmp_path)

    def all_spilled() -> bool:
        crew.check_alive()
        return all(map(is_spilled, states))

    victim = crew.start()
    crew.start()
    feed.write(islice(rows, RECORDS // 2))
    wait_until(all_spilled, 120, "both workers to have state on disk")
    crew.kill(victim)
    assert is_spilled(states[victim]), "a worker that is killed puts nothing away"
    assert crew.start() == victim
    feed.write(islice(rows, RECORDS - RECORDS // 2))
    wait_until(all_spilled, 120, "both workers to have state on disk again")
    crew.finish(limit=300)
    assert not any(map(is_spilled, states)), "a worker that ends takes its state on disk with it"
    assert_exact(kafka, example, Oracle(example.pipeline, {example.source["name"]: feed.file}))
