"""Workers that are killed ten times at random moments, and one that sleeps longer than its session, lose and repeat nothing."""

import json
import random
import signal
import time
from dataclasses import dataclass

import pytest

from harness.crew import Crew
from harness.exactness import assert_exact
from harness.feed import Feed, LiveFeed
from harness.manifests import ROOT, Example, isolate
from harness.oracle import Oracle
from harness.records import account_activity
from harness.waiting import wait_until
from harness.watch import Watcher

WATCHED = {"account-activity": "balance", "pace": "busy"}  # a stream with new rows for each batch of records
PARTITIONS = 8
KILLS = 10
PER_SECOND = 4_000
STEP = 0.01  # 40 s of event time pass each second, so that every partition has new rows several times a second
SESSION = 6
RECOVERY_LIMIT = 60  # a worker that takes longer is taken for stuck; how long it should take is printed beside


@dataclass
class Disturbance:
    """What was done to a worker, and when output came again: at all, and from every input partition."""

    what: str
    first: float
    all: float
    wanted: float


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", WATCHED)
def test_killed_and_stopped_workers_lose_and_repeat_nothing(name, kafka, tidemill, tag, records, seed, tmp_path):
    rng = random.Random(seed)
    (example,) = isolate(ROOT / "examples" / name, tmp_path, tag)
    watched = make_topics(kafka, example, WATCHED[name])
    feed = Feed(kafka.bootstrap, example.input_topic, PARTITIONS, tmp_path / "input.jsonl")
    live = LiveFeed(feed, account_activity(seed, example.disorder, STEP), PER_SECOND, records)
    watcher = Watcher(kafka, watched, lambda value: feed.partition_of(str(json.loads(value)["account"])))
    workers = Crew(tidemill, [example.folder], kafka.bootstrap, tmp_path)
    workers.start()
    workers.start()
    wait_shared(kafka, example, workers)
    live.start()
    watcher.start()
    try:
        watcher.mark()
        watcher.wait_for_all(PARTITIONS, RECOVERY_LIMIT, workers.check_alive)
        stop_at = rng.randrange(KILLS)
        disturbances = []
        for number in range(KILLS):
            disturbances.append(kill(rng, number, workers, watcher))
            if number == stop_at:
                wait_shared(kafka, example, workers)
                disturbances.append(put_to_sleep(rng, workers, watcher))
            # Killing goes on only among workers that share the work again: otherwise most kills would hit idle ones.
            wait_shared(kafka, example, workers)
    finally:
        watcher.stop()
        live.stop(limit=60 + records / PER_SECOND)
    print(f"{feed.written:,} records over {PARTITIONS} partitions\n" + table(disturbances))
    workers.finish(limit=300)
    assert_exact(kafka, example, Oracle(example.pipeline, {example.source["name"]: feed.file}))


def make_topics(kafka, example: Example, watched: str) -> str:
    """Makes the input topic, and the output topic of the stream that is watched; returns the latter."""
    kafka.make_topic(example.input_topic, PARTITIONS)
    (output,) = [o for o in example.outputs if watched in o.stream]
    kafka.make_topic(output.topic, output.partitions, message_timestamp_type="LogAppendTime")
    return output.topic


def wait_shared(kafka, example: Example, workers: Crew):
    """Waits until both workers have partitions of the input, and all partitions have a worker."""

    def shared() -> bool:
        workers.check_alive()
        shares = kafka.shares(example.name, example.input_topic)
        return len(shares) == 2 and min(shares) > 0 and sum(shares) == PARTITIONS

    wait_until(shared, RECOVERY_LIMIT, "two workers to share the partitions", pause=0.2)


def kill(rng: random.Random, number: int, workers: Crew, watcher: Watcher) -> Disturbance:
    """Kills a worker at a random moment; every second time it comes back only after the other has taken over."""
    time.sleep(rng.uniform(0.2, 3))
    victim = rng.randrange(2)
    watcher.mark()
    workers.kill(victim)
    at_once = number % 2 == 0
    if at_once:
        workers.start()
    first, everything = watcher.wait_for_all(PARTITIONS, RECOVERY_LIMIT, workers.check_alive)
    if not at_once:
        workers.start()
    how = "restarted at once" if at_once else "the other takes over"
    return Disturbance(f"SIGKILL {number + 1}, worker {victim}, {how}", first, everything, 3 if at_once else 8)


def put_to_sleep(rng: random.Random, workers: Crew, watcher: Watcher) -> Disturbance:
    """Stops a worker for longer than its session, and wakes it up when somebody else has its partitions."""
    victim = rng.randrange(2)
    watcher.mark()
    start = time.monotonic()
    workers.runs[victim].signal(signal.SIGSTOP)
    first, everything = watcher.wait_for_all(PARTITIONS, RECOVERY_LIMIT)
    time.sleep(max(0, start + SESSION + 3 - time.monotonic()))
    workers.runs[victim].signal(signal.SIGCONT)
    return Disturbance(f"SIGSTOP, worker {victim}, {time.monotonic() - start:.0f} s", first, everything, SESSION + 8)


def table(disturbances: list[Disturbance]) -> str:
    lines = [f"{'seconds to the next new row':42} {'any':>6} {'all':>6} {'limit':>6}"]
    lines += [f"{d.what:42} {d.first:6.2f} {d.all:6.2f} {d.wanted:6.0f}{'' if d.all <= d.wanted else '  over'}" for d in disturbances]
    return "\n".join(lines)
