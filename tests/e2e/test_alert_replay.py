"""What is read again is judged again as it was, whatever has become of the rules since."""

import json
import random
import time
from collections import Counter
from pathlib import Path

from harness.kafka import Kafka
from harness.payments import PARTITIONS, payments, write, write_manifests
from harness.tidemill import Run, Tidemill
from harness.waiting import wait_until

EDITS = 20
BATCH = 150
WORKERS = 2
KILLED_BEFORE = (7, 14)

RULES = {
    "over": "  stream: payments\n  mode: {mode}\n  severity: {severity}\n  when: amount > {limit}\n",
    "held-back": "  stream: payments\n  mode: {mode}\n  when: amount > {limit}\n  suppressFor: 20s\n",
    "rapid": "  stream: payments\n  mode: {mode}\n  partitionBy: [customer]\n  window: {{sliding: 30s}}\n"
    '  when: "count(*) >= {count}"\n  message: "{{customer}}: {{count(*)}}"\n',
    "rapid-once": "  stream: payments\n  mode: {mode}\n  partitionBy: [customer]\n  window: {{sliding: 30s}}\n"
    '  when: "count(*) >= {count}"\n  suppressFor: 10s\n',
    "last": '  stream: payments\n  mode: {mode}\n  window: {{count: 4}}\n  when: "count(*) = 4 AND amount > {limit}"\n',
    "minute": "  stream: payments\n  mode: {mode}\n  severity: {severity}\n  partitionBy: [customer]\n  window: {{tumbling: 1m}}\n"
    '  when: "count(*) > {count}"\n',
    "session": '  stream: payments\n  mode: {mode}\n  partitionBy: [customer]\n  window: {{session: 5s}}\n  when: "max(amount) > {limit}"\n',
}


def test_a_replay_raises_the_same_alerts(kafka: Kafka, tidemill: Tidemill, tag, tmp_path, seed):
    rng = random.Random(seed)
    kafka.make_topic(f"payments-{tag}", PARTITIONS)
    kafka.make_topic(f"alerts-{tag}", 2)
    rules = {name: drawn(rng, rule, "Enforce") for name, rule in RULES.items()}
    manifests = write_manifests(tmp_path / "manifests", tag, rules)

    def start(worker: int) -> Run:
        """What is edited from now on is an edit."""
        run = tidemill.run(manifests, kafka=kafka.bootstrap, state=tmp_path / f"state-{worker}", name=f"worker-{worker}")
        said = lambda: run.log.read_text().count("payments → ")
        before = said()
        wait_until(lambda: said() > before, 30, "the manifests to be read")
        return run

    runs = [start(worker) for worker in range(WORKERS)]
    rows = payments(seed, (EDITS + 1) * BATCH)
    batches = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    slowest = 0.0
    for number, batch in enumerate(batches):
        if number > 0:
            name = rng.choice(sorted(RULES))
            # One that is switched off, and was, would be nothing new.
            modes = ["Enforce", "Disabled"] if "mode: Enforce" in rules[name] else ["Enforce"]
            before = rules[name]
            while rules[name] == before:
                rules[name] = drawn(rng, RULES[name], rng.choice(modes))
            slowest = max(slowest, edit(manifests, tag, rules, runs))
        write(kafka.bootstrap, f"payments-{tag}", batch)
        if number in KILLED_BEFORE:
            worker = rng.randrange(WORKERS)
            runs[worker].kill()
            runs[worker] = start(worker)
    print(f"{EDITS} edits, the slowest in force after {slowest:.1f} s")
    for run in runs:
        run.kill()
    finish(tidemill, manifests, kafka, tmp_path / "state-0")
    first = values(kafka, tag)
    versions = {(json.loads(value)["rule"], json.loads(value)["rule_version"]) for value in first}
    print(f"{len(first)} alerts, of {len(versions)} versions")
    assert len(versions) > len(RULES), "some rule was edited and raised alerts by both"

    said = tidemill.output("reset", manifests, "--kafka", kafka.bootstrap)
    assert said == []
    finish(tidemill, manifests, kafka, tmp_path / "again")
    again = values(kafka, tag)[len(first) :]
    assert difference(first, again) == []


def drawn(rng: random.Random, rule: str, mode: str) -> str:
    severity = rng.choice(["High", "Low"])
    return rule.format(mode=mode, severity=severity, limit=rng.randrange(3000, 9000), count=rng.randrange(4, 16))


def edit(manifests: Path, tag: str, to: dict[str, str], runs: list[Run]) -> float:
    """Writes other rules, and waits until they are in force in all workers; how long that took."""
    said = lambda: [run.log.read_text().count("goes on with the rules") for run in runs]
    before, began = said(), time.monotonic()
    new = write_manifests(manifests.parent / "new", tag, to)
    (new / "rules.yaml").rename(manifests / "rules.yaml")
    new.rmdir()
    all_have = lambda: all(now > then for now, then in zip(said(), before))
    wait_until(all_have, 20, "the rules to be in force", pause=0.05)
    return time.monotonic() - began


def finish(tidemill: Tidemill, manifests: Path, kafka: Kafka, state: Path):
    tidemill.run(manifests, kafka=kafka.bootstrap, state=state, bounded=True).succeed(limit=120)


def values(kafka: Kafka, tag: str) -> list[bytes]:
    """All alerts, those of each partition in the order in which they were written."""
    messages = sorted(kafka.read_committed(f"alerts-{tag}"), key=lambda m: m.timestamp()[1])
    return [message.value() for message in messages]


def difference(first: list[bytes], again: list[bytes]) -> list[tuple[str, bytes]]:
    """What one has and the other has not."""
    one, other = Counter(first), Counter(again)
    return [("missing", value) for value in one - other] + [("more", value) for value in other - one]
