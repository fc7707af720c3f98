"""Writes records to a topic."""

import json
from collections.abc import Iterable
from itertools import repeat

from confluent_kafka import Producer


def feed(bootstrap: str, topic: str, records: Iterable[dict], key: str, partitions: Iterable[int] | None = None) -> int:
    """Writes records as JSON, keyed by a column, each to its partition if these are said; returns the bytes of the values."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "partitioner": "murmur2_random", "log_level": 3})
    places = repeat({}) if partitions is None else ({"partition": p} for p in partitions)
    written = 0
    for record, place in zip(records, places):
        value = json.dumps(record).encode()
        written += len(value)
        while True:
            try:
                producer.produce(topic, value, str(record[key]).encode(), **place)
                break
            except BufferError:
                producer.poll(0.1)
    left = producer.flush(120)
    assert left == 0, f"{left:,} records were not taken by Kafka"
    return written
