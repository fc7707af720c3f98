"""A Kafka that is stopped and started again and again, with all that the workers know of it."""

import random
import time

import pytest

from harness.broker import Broker
from harness.crew import Crew
from harness.exactness import assert_exact
from harness.feed import Feed, LiveFeed
from harness.kafka import Kafka, wait_until_committed
from harness.manifests import ROOT, isolate
from harness.oracle import Oracle
from harness.records import account_activity
from harness.waiting import wait_until

PARTITIONS = 8
RESTARTS = 4
PER_SECOND = 1_000
STEP = 0.01
RECOVERY_LIMIT = 120  # a worker that takes longer is taken for stuck


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path / "kafka").start()
    yield broker
    broker.stop()


@pytest.mark.timeout(900)
def test_a_broker_that_comes_and_goes_is_found_again(broker, tidemill, tag, seed, tmp_path):
    rng = random.Random(seed)
    (example,) = isolate(ROOT / "examples/account-activity", tmp_path, tag)
    kafka = Kafka(broker.bootstrap)
    kafka.make_topic(example.input_topic, PARTITIONS)
    feed = Feed(broker.bootstrap, example.input_topic, PARTITIONS, tmp_path / "input.jsonl")
    live = LiveFeed(feed, account_activity(seed, example.disorder, STEP), PER_SECOND, 1)
    crew = Crew(tidemill, [example.folder], broker.bootstrap, tmp_path)
    live.start()
    try:
        for _ in range(2):
            crew.start()
        wait_until(lambda: feed.written, RECOVERY_LIMIT, "the first records to be written")
        wait_until_committed(broker.bootstrap, example, crew.check_alive, RECOVERY_LIMIT)
        for _ in range(RESTARTS):
            broker.stop()
            # Longer than a session and a transaction may last, or not.
            time.sleep(rng.choice([0, 2, 8, 12]))
            broker.start()
            start, before = time.monotonic(), feed.written
            wait_until(lambda: feed.written > before + PER_SECOND, RECOVERY_LIMIT, "more to be written")
            wait_until_committed(broker.bootstrap, example, crew.check_alive, RECOVERY_LIMIT)
            print(f"all that was there is read again {time.monotonic() - start:.1f} s after the broker was up", flush=True)
    finally:
        live.stop(limit=60)
    crew.finish(limit=120)
    print(f"{feed.written:,} records")
    assert_exact(Kafka(broker.bootstrap), example, Oracle(example.pipeline, {example.source["name"]: feed.file}))
