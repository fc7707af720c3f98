"""How long a record takes from being sent to being read as a committed row, at a steady rate.

A filter passes every record on, exactly once, with commits every 100 ms. The feed writes the time into each record, the reader
subtracts: producer, broker, worker, commit and consumer are all in the figure.
"""

import json
import multiprocessing
import subprocess
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from contenders import HERE, Place

TOPIC, OUTPUT = "latency", "latency-out"
TICK = 0.001
WARM_UP = 15


def measure(place: Place, rate: int, seconds: int, partitions: int) -> dict:
    """Feeds `rate` records a second for so long after a warm-up, and returns milliseconds by quantile.

    The warm-up is for the broker: a Java process just started takes seconds over its first transactions.
    """
    records = rate * (WARM_UP + seconds)
    manifests = str(HERE / "tidemill-latency")
    command = [str(place.tidemill), "run", manifests, "--kafka", place.bootstrap, "--state", str(place.work / "latency-state")]
    with (place.work / "latency.log").open("wb") as log:
        worker = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=log, stderr=log)
        try:
            reader = Reader(place.bootstrap, partitions, 1 + records)
            reader.start()
            feed(place.bootstrap, rate, 1)
            reader.wait_for_first(60)
            # In a process of its own: it must not wait for the reader's turn to end.
            feeder = multiprocessing.Process(target=feed, args=(place.bootstrap, rate, records))
            feeder.start()
            feeder.join()
            if feeder.exitcode != 0:
                raise RuntimeError("the feed failed; what it said is above")
            reader.join(60)
        finally:
            worker.terminate()
            worker.wait(30)
    return quantiles(reader.took, 1 + records, skip=rate * WARM_UP)


def feed(bootstrap: str, rate: int, records: int):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1, "partitioner": "murmur2_random", "log_level": 3})
    start = time.monotonic()
    for i in range(records):
        wait = start + i / rate - time.monotonic()
        if wait > TICK:
            time.sleep(wait)
        account = f"ACC{i % 10_000:06}"
        record = {"account": account, "amount": 12.34, "sent": time.time_ns() // 1_000_000}
        producer.produce(TOPIC, json.dumps(record).encode(), account.encode())
        producer.poll(0)
    left = producer.flush(30)
    if left > 0:
        raise RuntimeError(f"{left:,} records were not taken by Kafka")


class Reader(threading.Thread):
    """Reads committed rows until as many have come as were sent."""

    def __init__(self, bootstrap: str, partitions: int, expected: int):
        super().__init__(daemon=True)
        self.took: list[int] = []
        self._expected = expected
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": "bench-latency-reader",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 5,
            "log_level": 3,
        })
        self._consumer.assign([TopicPartition(OUTPUT, p, OFFSET_BEGINNING) for p in range(partitions)])

    def wait_for_first(self, limit: float):
        """Until the worker is at work: its start is not in the figures."""
        deadline = time.monotonic() + limit
        while not self.took:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no row came within {limit:.0f} s; see latency.log")
            time.sleep(0.05)

    def run(self):
        while len(self.took) < self._expected:
            messages = self._consumer.consume(10_000, timeout=0.01)
            now = time.time_ns() // 1_000_000
            self.took += [now - json.loads(m.value())["sent"] for m in messages if m.error() is None]
        self._consumer.close()


def quantiles(took: list[int], expected: int, skip: int) -> dict:
    """The figures, or an error where rows are missing."""
    if len(took) != expected:
        raise RuntimeError(f"{len(took):,} of {expected:,} rows came")
    steady = sorted(took[skip:])
    at = lambda share: steady[int((len(steady) - 1) * share)]
    return {"p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": steady[-1]}
