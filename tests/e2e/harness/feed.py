"""Writing input: to a topic, and to a file for the oracle."""

import json
import threading
import time
import zlib
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from confluent_kafka import Producer

from harness.kafka import QUIET
from harness.oracle import DELETED
from harness.records import Input
from harness.waiting import wait_until

# How many bursts of records are written in a second. Each is acknowledged before the next: librdkafka's idempotent producer spins
# while it has records to send and answers are due, and seven of them leave brokers and workers nothing.
BURSTS = 5


class Feed:
    """Writes records to a topic and remembers them in a file of JSON lines, a deletion as one of its key."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, file: Path):
        self.topic = topic
        self.partitions = partitions
        self.file = file
        self.written = 0
        self.homes = array("H")  # the partition of each record
        self.failures: list = []
        self._producer = Producer({
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 1000,  # each burst is sent when it is whole
            "queue.buffering.max.messages": 1_000_000,
            **QUIET,
        })

    def write(self, records: Iterable[Input], per_second: float = float("inf")):
        """Writes records, no faster than at this rate, and returns when all are acknowledged."""
        start = time.monotonic()
        burst = max(1, int(min(per_second, 50_000) / BURSTS))
        with self.file.open("ab") as copy:
            for count, record in enumerate(records):
                if count % burst == 0:
                    self._finish()
                    time.sleep(max(0, start + count / per_second - time.monotonic()))
                self._send(record)
                copy.write((record.value or json.dumps({DELETED: record.key}).encode()) + b"\n")
        self._finish()

    def use(self, partitions: int):
        """Spreads records over so many partitions from now on: the topic has grown."""
        has = lambda: len(self._producer.list_topics(self.topic, timeout=30).topics[self.topic].partitions) >= partitions
        wait_until(has, 30, f"{self.topic} to have {partitions} partitions")
        self.partitions = partitions

    def partition_of(self, key: str) -> int:
        """The partition of a key."""
        return zlib.crc32(key.encode()) % self.partitions

    def _send(self, record: Input):
        self.homes.append(self.partition_of(record.key))
        while True:
            try:
                self._producer.produce(self.topic, record.value, record.key, self.homes[-1], on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error, _message):
        if error is None:
            self.written += 1
        else:
            self.failures.append(error)

    def _finish(self):
        left = self._producer.flush(120)
        assert not left and not self.failures, f"{left} records could not be written, {self.failures[:3]}"


class LiveFeed(threading.Thread):
    """Feeds at a steady rate in the background until it is told to stop."""

    def __init__(self, feed: Feed, records: Iterator[Input], per_second: float, at_least: int):
        super().__init__(daemon=True)
        self.feed = feed
        self.failure: BaseException | None = None
        self._stop_it = threading.Event()
        self._at_least = at_least
        self._records = records
        self._per_second = per_second

    def run(self):
        try:
            self.feed.write(self._until_stopped(), self._per_second)
        except BaseException as failure:
            self.failure = failure

    def stop(self, limit: float):
        """Stops as soon as the least number of records is written."""
        self._stop_it.set()
        self.join(limit)
        assert not self.is_alive(), f"the input was not written within {limit:.0f} s"
        if self.failure:
            raise self.failure

    def _until_stopped(self) -> Iterator[Input]:
        yield from islice(self._records, self._at_least)
        while not self._stop_it.is_set():
            yield from islice(self._records, 100)
