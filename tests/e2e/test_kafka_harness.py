"""The tests' own Kafka client, against Kafka: what is not committed is not read, and what is open is waited for."""

import pytest
from confluent_kafka import Producer

from harness.feed import Feed
from harness.kafka import QUIET
from harness.records import Input
from harness.watch import Watcher


def transactional(kafka, tag) -> Producer:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": tag, **QUIET})
    producer.init_transactions(30)
    return producer


def values(kafka, topic) -> list[bytes]:
    return sorted(m.value() for m in kafka.read_committed(topic))


def test_reads_what_is_committed_and_nothing_else(kafka, tag):
    kafka.make_topic(tag, 2)
    producer = transactional(kafka, tag)
    for number, end in enumerate([producer.commit_transaction, producer.abort_transaction, producer.commit_transaction]):
        producer.begin_transaction()
        for partition in (0, 1):
            producer.produce(tag, f"{number}-{partition}".encode(), partition=partition)
        producer.flush(30)
        end(30)
    assert values(kafka, tag) == [b"0-0", b"0-1", b"2-0", b"2-1"]


def test_an_open_transaction_is_waited_for(kafka, tag):
    kafka.make_topic(tag, 1)
    producer = transactional(kafka, tag)
    producer.begin_transaction()
    producer.produce(tag, b"open")
    producer.flush(30)
    with pytest.raises(TimeoutError, match="last transaction"):
        kafka.settled_ends(tag, limit=1)
    producer.commit_transaction(30)
    assert values(kafka, tag) == [b"open"]


def test_a_feed_writes_to_the_topic_what_it_writes_to_the_file(kafka, tag, tmp_path):
    kafka.make_topic(tag, 4)
    feed = Feed(kafka.bootstrap, tag, 4, tmp_path / "copy.jsonl")
    feed.write(Input(f"key-{i % 7}", b'{"i":%d}' % i) for i in range(1_000))
    messages = list(kafka.read_committed(tag))
    assert feed.written == 1_000
    assert sorted(m.value() for m in messages) == sorted(feed.file.read_bytes().splitlines())
    assert all(m.partition() == feed.partition_of(m.key().decode()) for m in messages)


def test_a_watcher_counts_only_rows_that_come_after_its_mark(kafka, tag):
    kafka.make_topic(tag, 2, message_timestamp_type="LogAppendTime")
    producer = Producer({"bootstrap.servers": kafka.bootstrap, **QUIET})
    watcher = Watcher(kafka, tag, origin=int)
    watcher.start()
    try:
        for origin in (0, 1):
            producer.produce(tag, str(origin).encode())
        producer.flush(30)
        watcher.wait_for_all(2, 30)
        watcher.mark()
        producer.produce(tag, b"1")
        producer.flush(30)
        watcher.wait_for_all(1, 30)
        with pytest.raises(TimeoutError):
            watcher.wait_for_all(2, 0.5)
    finally:
        watcher.stop()
