"""Every tenth record is broken in one of twelve ways: each is a dead letter once, and every good one is counted once."""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import Producer

from harness.broken import BREAKAGES, LARGE, Breakage, text
from harness.exactness import assert_exact
from harness.kafka import QUIET
from harness.manifests import isolate
from harness.oracle import Oracle

PARTITIONS = 4
RECORDS = 100_000
LARGE_ONES = 40  # of the 2 MB kind; as many as of the others would be 1.7 GB
ROOM = str(LARGE + 1_000_000)
HEADER = ("sent-by", b"tests")


@dataclass
class Sent:
    """A broken record as it was sent."""

    breakage: Breakage
    key: bytes
    value: bytes | None


@dataclass
class Written:
    """What was written: the broken records by partition and offset, the good ones in a file."""

    broken: dict[tuple[int, int], Sent] = field(default_factory=dict)
    good: int = 0
    failures: list = field(default_factory=list)


def write(bootstrap: str, topic: str, seed: int, file: Path) -> Written:
    rng = random.Random(seed)
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": ROOM, "linger.ms": 5, **QUIET})
    written = Written()

    def delivered(sent: Sent | None):
        def remember(error, message):
            if error is not None:
                written.failures.append(error)
            elif sent is not None:
                written.broken[message.partition(), message.offset()] = sent

        return remember

    kinds = [b for b in BREAKAGES if b.name != "2 MB"]
    (large,) = [b for b in BREAKAGES if b.name == "2 MB"]
    with file.open("wb") as good:
        for i in range(RECORDS):
            number = rng.randrange(500)
            fields = {"account": f"account-{number}", "amount": rng.randrange(100_000) / 100, "quantity": rng.randrange(10)}
            fields["timestamp"] = 1_704_067_200_000 + i * 10
            key, sent = fields["account"].encode(), None
            if i % 10 == 9:
                breakage = large if i % (RECORDS // LARGE_ONES) == RECORDS // LARGE_ONES - 1 else rng.choice(kinds)
                sent = Sent(breakage, key, breakage.value(fields))
                value = sent.value
            else:
                value = text(fields)
                good.write(value + b"\n")
                written.good += 1
            send(producer, topic, value, key, number % PARTITIONS, delivered(sent))
    assert producer.flush(120) == 0 and not written.failures, f"the input was not written: {written.failures[:3]}"
    return written


def send(producer: Producer, topic: str, value: bytes | None, key: bytes, partition: int, on_delivery):
    while True:
        try:
            producer.produce(topic, value, key, partition, on_delivery=on_delivery, headers=[HEADER])
            break
        except BufferError:
            producer.poll(0.1)
    producer.poll(0)


@pytest.mark.timeout(600)
def test_each_broken_record_is_a_dead_letter_once_and_each_good_one_counts(kafka, tidemill, tag, seed, tmp_path):
    (example,) = isolate(Path(__file__).parent / "manifests/broken", tmp_path, tag)
    dead_letters = example.output("deadLetter").topic
    kafka.make_topic(example.input_topic, PARTITIONS, max_message_bytes=ROOM)
    kafka.make_topic(dead_letters, PARTITIONS, max_message_bytes=ROOM)
    written = write(kafka.bootstrap, example.input_topic, seed, tmp_path / "good.jsonl")
    kinds = Counter(sent.breakage.name for sent in written.broken.values())
    assert set(kinds) == {b.name for b in BREAKAGES}
    print(f"{written.good:,} good records, {len(written.broken):,} broken: {dict(kinds)}")

    tidemill.run(example.folder, kafka=kafka.bootstrap, state=tmp_path / "state", bounded=True).succeed(limit=300)

    wrong = faults(kafka.read_committed(dead_letters), example.input_topic, written.broken)
    assert not wrong, f"{len(wrong)} faults in the dead letters, such as:\n" + "\n".join(wrong[:20])
    assert_exact(kafka, example, Oracle(example.pipeline, {"payments": tmp_path / "good.jsonl"}))


def faults(letters, topic: str, broken: dict[tuple[int, int], Sent]) -> list[str]:
    """What is wrong with the dead letters, a line each."""
    wrong = []
    left = dict(broken)
    for letter in letters:
        headers = {name: value for name, value in letter.headers() or []}
        said = {name.removeprefix("tidemill."): (value or b"").decode() for name, value in headers.items() if name.startswith("tidemill.")}
        place = int(said.get("source.partition", -1)), int(said.get("source.offset", -1))
        sent = left.pop(place, None)
        if sent is None:
            known = broken.get(place)
            what = f"a good record ({said.get('reason')})" if known is None else f"{known.breakage.name}, again"
            wrong.append(f"partition {place[0]}, offset {place[1]}: {what}")
            continue
        expected = {
            "reason": (sent.breakage.reason, said.get("reason", "")),
            "column": (sent.breakage.column or "", said.get("column", "")),
            "source topic": (topic, said.get("source.topic", "")),
            "key": (sent.key, letter.key()),
            "value": (sent.value, letter.value()),
            "header of its own": (HEADER[1], headers.get(HEADER[0])),
            "message": (True, bool(said.get("message"))),
        }
        for what, (right, found) in expected.items():
            if right != found:
                wrong.append(f"{sent.breakage.name}: {what} is {found!r:.80}, not {right!r:.80}")
    wrong += [f"{sent.breakage.name}: no dead letter for partition {p}, offset {o}" for (p, o), sent in left.items()]
    return wrong
