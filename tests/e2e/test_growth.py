"""A topic that gets more partitions while two workers read it: every record counts once, and every output equals the batch."""

import json
import signal
from itertools import islice
from pathlib import Path

import pytest
import yaml

from harness.exactness import assert_exact
from harness.feed import Feed, LiveFeed
from harness.manifests import ROOT, Example, isolate
from harness.oracle import Oracle
from harness.records import account_activity, financial_transactions
from harness.waiting import wait_until

BEFORE, AFTER = 2, 5
PER_SECOND = 2_000
NOTICED = 60  # seconds that a group may take, at the most


def start(tidemill, example: Example, kafka, folder: Path, worker: str, bounded: bool = False):
    return tidemill.run(example.folder, kafka=kafka.bootstrap, state=folder / worker, bounded=bounded, name=worker)


def wait_shared(kafka, example: Example, workers, partitions: int):
    """Waits until both workers have partitions of the input, so many in all."""

    def shared() -> bool:
        for worker in workers:
            assert worker.running(), f"{worker} ended by itself:\n{worker.tail()}"
        shares = kafka.shares(example.name, example.input_topic)
        return len(shares) == 2 and min(shares) > 0 and sum(shares) == partitions

    wait_until(shared, NOTICED, f"two workers to share {partitions} partitions", pause=0.2)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("at_once", [True, False], ids=["used-at-once", "used-when-noticed"])
def test_a_topic_that_grows_under_load_is_read_whole(at_once, kafka, tidemill, tag, records, seed, tmp_path):
    """Used at once: sums of all time, from a source that is read from where it ended, so that a new partition which was not
    read from its first record would be missed. Used when noticed: windows, which none of its records may find closed."""
    (example,) = isolate(ROOT / "examples" / ("sales" if at_once else "account-activity"), tmp_path, tag)
    if at_once:
        read_from_where_it_ends(example)
    kafka.make_topic(example.input_topic, BEFORE)
    feed = Feed(kafka.bootstrap, example.input_topic, BEFORE, tmp_path / "input.jsonl")
    step = 400 * 86_400 / records if at_once else 0.01
    made = (financial_transactions if at_once else account_activity)(seed, example.disorder, step)

    workers = [start(tidemill, example, kafka, tmp_path, name) for name in ("worker-1", "worker-2")]
    wait_shared(kafka, example, workers, BEFORE)
    if at_once:
        wait_begun(kafka, example)
    live = LiveFeed(feed, made, PER_SECOND, records)
    live.start()
    wait_until(lambda: feed.written > records // 4, 120, "a part of the records to be written")
    kafka.grow_topic(example.input_topic, AFTER)
    if at_once:
        feed.use(AFTER)
    wait_shared(kafka, example, workers, AFTER)
    feed.use(AFTER)
    live.stop(limit=60 + records / PER_SECOND)
    print(f"{feed.written:,} records over {BEFORE}, then {AFTER} partitions")
    for worker in workers:
        worker.signal(signal.SIGTERM)
    for worker in workers:
        worker.succeed(limit=30)
    start(tidemill, example, kafka, tmp_path, "worker-1", bounded=True).succeed(limit=300)
    assert_exact(kafka, example, Oracle(example.pipeline, {example.source["name"]: feed.file}))


def read_from_where_it_ends(example: Example):
    example.source["kafka"]["startFrom"] = "Latest"
    for file in example.folder.glob("*.yaml"):
        docs = [doc for doc in yaml.safe_load_all(file.read_text()) if doc]
        for doc in docs:
            if doc["kind"] == "Pipeline":
                doc["spec"]["sources"] = example.pipeline["spec"]["sources"]
        file.write_text(yaml.safe_dump_all(docs))


def wait_begun(kafka, example: Example):
    """Waits until it is committed where the topic was begun: what is written from then on is to be read."""
    begun = lambda: len(kafka.committed(example.name, example.input_topic)) == BEFORE
    wait_until(begun, 60, "the beginning to be committed", pause=0.2)


@pytest.mark.timeout(600)
def test_a_topic_of_the_embedded_log_grows_while_it_is_read(tidemill, tag, seed, tmp_path):
    (example,) = isolate(ROOT / "examples/sales", tmp_path, tag)
    state, topic = tmp_path / "state", example.input_topic
    made = financial_transactions(seed, example.disorder, step=60)
    sales = example.output("financial_transactions").topic
    written = []

    def write(count: int):
        lines = [record.value for record in islice(made, count)]
        written.extend(json.loads(line)["transactionId"] for line in lines)
        stdin = b"".join(line + b"\n" for line in lines)
        tidemill.output("topic", "write", topic, "--key-field", "transactionId", "--partitions", BEFORE, "--state", state, stdin=stdin, limit=120)

    def read() -> list[str]:
        done = tidemill.call("topic", "read", sales, "--state", state, limit=120)
        lines = done.stdout.decode().splitlines()  # none before the topic is there
        return [json.loads(line)["transaction_id"] for line in lines]

    write(2_000)
    running = tidemill.run(example.folder, state=state)
    wait_until(lambda: running.running() and len(read()) >= 2_000, 60, "the first records to be read", pause=0.5)
    tidemill.output("topic", "grow", topic, "--partitions", AFTER, "--state", state)
    assert f"{topic}\t{AFTER}" in tidemill.output("topic", "list", "--state", state)
    write(3_000)
    records = tidemill.output("topic", "read", topic, "--metadata", "--state", state, limit=120)
    assert {json.loads(record)["partition"] for record in records} == set(range(AFTER))
    wait_until(lambda: running.running() and len(read()) >= len(written), 60, "the records in new partitions to be read", pause=0.5)
    running.signal(signal.SIGTERM)
    running.succeed(limit=60)
    assert sorted(read()) == sorted(written)
