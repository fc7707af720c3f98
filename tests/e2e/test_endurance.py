"""Several pipelines on three brokers while workers and brokers come and go: in the end every output is what a batch gives.

tests/endure goes on with it for as long as one likes.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.broker import Brokers
from harness.crew import Crew
from harness.exactness import assert_exact
from harness.feed import Feed, LiveFeed
from harness.kafka import Kafka, wait_until_committed
from harness.manifests import ROOT, Example, isolate
from harness.oracle import Oracle
from harness.records import Input, account_activity, customers, financial_transactions, newer_customers
from harness.versions import assert_never_older, read_seen
from harness.waiting import wait_until

MINUTES = float(os.environ.get("TIDEMILL_TEST_MINUTES", "1"))
PER_SECOND = int(os.environ.get("TIDEMILL_TEST_RATE", "1000"))
PARTITIONS = 6
TABLE_PARTITIONS = 3
MOST_PARTITIONS = 12
MOST_WORKERS = 3
RECOVERY_LIMIT = 120  # what takes longer is taken for stuck
ASLEEP = 9  # longer than a session with Kafka

FOLDERS = {
    ROOT / "examples/sales": financial_transactions,
    ROOT / "examples/moving-windows": account_activity,
    Path(__file__).parent / "manifests/sessions": account_activity,
    Path(__file__).parent / "manifests/enrichment": financial_transactions,
}
CHANGING = "seen"  # the stream whose rows show which version of a table they were joined with
CHANGES_PER_SECOND = 50


@dataclass
class Load:
    """A pipeline with the records that are written for it. Its tables are full before; what changes in them is their version."""

    example: Example
    feed: Feed
    live: LiveFeed
    tables: dict[str, LiveFeed]

    @property
    def may_grow(self) -> bool:
        """Whether nobody was promised that a key stays in its partition."""
        return "partitionedBy" not in self.example.source

    @property
    def all_live(self) -> list[LiveFeed]:
        return [self.live, *self.tables.values()]

    def oracle(self) -> Oracle:
        files = {name: live.feed.file for name, live in self.tables.items()}
        return Oracle(self.example.pipeline, {self.example.source["name"]: self.feed.file, **files})


@dataclass
class World:
    """All there is, and what befell it."""

    rng: random.Random
    brokers: Brokers
    crew: Crew
    loads: list[Load]
    log: list[tuple[str, float]] = field(default_factory=list)

    @property
    def kafka(self) -> Kafka:
        """A client of its own for each question, as brokers come and go."""
        return Kafka(self.brokers.bootstrap)

    def befall(self, disturb: "Callable[[World], str]"):
        """Disturbs, waits until all that was there at its end has been taken in, and notes how long that took."""
        start = time.monotonic()
        what = disturb(self)
        self.wait_until_caught_up()
        self.log.append((what, time.monotonic() - start))
        print(f"{what}: all read again after {self.log[-1][1]:.1f} s", flush=True)

    def wait_until_caught_up(self):
        """Until all records that are there now are committed."""
        for load in self.loads:
            wait_until_committed(self.brokers.bootstrap, load.example, self.crew.check_alive, RECOVERY_LIMIT)


def kill_and_restart(world: World) -> str:
    number = world.rng.choice(list(world.crew.runs))
    world.crew.kill(number)
    world.crew.start()
    return "worker killed, restarted at once"


def kill_for_good(world: World) -> str:
    if len(world.crew.runs) < 2:
        return kill_and_restart(world)
    world.crew.kill(world.rng.choice(list(world.crew.runs)))
    return "worker killed, taken over"


def add(world: World) -> str:
    if len(world.crew.runs) >= MOST_WORKERS:
        return dismiss(world)
    world.crew.start()
    return "worker added"


def dismiss(world: World) -> str:
    if len(world.crew.runs) < 2:
        return add(world)
    world.crew.dismiss(world.rng.choice(list(world.crew.runs)))
    return "worker removed"


def pause(world: World) -> str:
    run = world.rng.choice(list(world.crew.runs.values()))
    run.signal(signal.SIGSTOP)
    time.sleep(ASLEEP)
    run.signal(signal.SIGCONT)
    return f"worker paused for {ASLEEP} s"


def restart_broker(world: World) -> str:
    number = world.rng.choice(Brokers.NUMBERS)
    world.brokers.stop(number)
    time.sleep(world.rng.uniform(0, 3))
    world.brokers.start(number)
    return "broker restarted"


def kill_broker(world: World) -> str:
    number = world.rng.choice(Brokers.NUMBERS)
    world.brokers.kill(number)
    time.sleep(world.rng.uniform(0, 3))
    world.brokers.start(number)
    return "broker killed and started"


def roll_brokers(world: World) -> str:
    for number in Brokers.NUMBERS:
        world.brokers.stop(number)
        world.brokers.start(number)
    return "brokers restarted one by one"


def grow(world: World) -> str:
    growing = [load for load in world.loads if load.may_grow and load.feed.partitions < MOST_PARTITIONS]
    if not growing:
        return restart_broker(world)
    load = world.rng.choice(growing)
    topic, partitions = load.example.input_topic, load.feed.partitions + 1
    world.kafka.grow_topic(topic, partitions)
    # Until it is noticed, windows do not wait for what is in it.
    noticed = lambda: sum(world.kafka.shares(load.example.name, topic)) == partitions
    wait_until(noticed, RECOVERY_LIMIT, f"{load.example.name} to read {partitions} partitions", pause=0.3)
    load.feed.use(partitions)
    return "partition added"


# Each once, before chance decides: as often as it is named.
DISTURBANCES = [kill_and_restart, kill_for_good, add, pause, restart_broker, dismiss, add, kill_broker, grow, roll_brokers]


@pytest.fixture
def brokers(tmp_path) -> Iterator[Brokers]:
    brokers = Brokers(tmp_path / "brokers")
    yield brokers
    brokers.put_away()


def loads(kafka: Kafka, seed: int, tag: str, folder: Path) -> list[Load]:
    """The pipelines with their topics and feeds."""
    found = []
    for manifests, records in FOLDERS.items():
        (example,) = isolate(manifests, folder, tag)
        kafka.make_topic(example.input_topic, PARTITIONS)
        feed = Feed(kafka.bootstrap, example.input_topic, PARTITIONS, folder / f"{example.name}.jsonl")
        made: Iterator[Input] = records(seed, example.disorder, step=0.01)
        live = LiveFeed(feed, made, PER_SECOND, at_least=0)
        found.append(Load(example, feed, live, {t["name"]: table(kafka, t, seed, folder) for t in example.tables}))
    return found


def table(kafka: Kafka, source: dict, seed: int, folder: Path) -> LiveFeed:
    """Fills the topic of a table of customers."""
    topic = source["kafka"]["topic"]
    kafka.make_topic(topic, TABLE_PARTITIONS, cleanup_policy="compact")
    feed = Feed(kafka.bootstrap, topic, TABLE_PARTITIONS, folder / f"{topic}.jsonl")
    feed.write(customers(seed))
    return LiveFeed(feed, newer_customers(seed), CHANGES_PER_SECOND, at_least=0)


def assert_right(kafka: Kafka, load: Load):
    """Whether the outputs are those of a batch; and where a table that changes shows in one, whether it did so in order."""
    oracle = load.oracle()
    assert_exact(kafka, load.example, oracle, but=[CHANGING])
    for output in load.example.outputs:
        if output.stream == CHANGING:
            latest = dict(oracle.db.execute("SELECT id, version FROM customers").fetchall())
            assert_never_older(read_seen(kafka, output.topic), load.feed.homes, latest)


@pytest.mark.timeout(1800 + MINUTES * 180)
def test_whatever_befalls_them_outputs_are_exact(brokers, tidemill, seed, tag, tmp_path):
    rng = random.Random(seed)
    kafka = Kafka(brokers.bootstrap)
    all_loads = loads(kafka, seed, tag, tmp_path)
    crew = Crew(tidemill, [load.example.folder for load in all_loads], brokers.bootstrap, tmp_path)
    world = World(rng, brokers, crew, all_loads)
    feeds = [live for load in all_loads for live in load.all_live]
    for live in feeds:
        live.start()
    try:
        for _ in range(2):
            crew.start()
        world.wait_until_caught_up()
        end = time.monotonic() + MINUTES * 60
        ahead = rng.sample(DISTURBANCES, len(DISTURBANCES))
        while time.monotonic() < end:
            world.befall(ahead.pop() if ahead else rng.choice(DISTURBANCES))
            time.sleep(rng.uniform(0, 3))
    finally:
        for live in feeds:
            live.stop(limit=120)
    print(summary(world))
    crew.finish(limit=300)
    for load in all_loads:
        print(f"{load.example.name}: {load.feed.written:,} records, {load.feed.partitions} partitions at the end")
        assert_right(world.kafka, load)


def summary(world: World) -> str:
    counts = Counter(what for what, _ in world.log)
    longest = {what: max(took for name, took in world.log if name == what) for what in counts}
    lines = [f"{len(world.log)} disturbances; the longest until all was read again:"]
    lines += [f"  {count:4} x {what}: {longest[what]:.1f} s" for what, count in counts.most_common()]
    return "\n".join(lines)
