"""Pipelines that are edited: what a reset loses and what it does not, and what takes effect while it runs."""

import json
import os
import signal
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import yaml
from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException

from harness.feed import Feed
from harness.kafka import Kafka
from harness.manifests import ROOT, Example, isolate
from harness.oracle import Oracle
from harness.records import Input, account_activity
from harness.rows import Reader, Record, appended, difference
from harness.tidemill import Run
from harness.waiting import wait_until

RECORDS = 20_000  # in each part
PARTITIONS = 4
STREAM, OTHER = "account_balances", "fraud_alerts"


def write_manifests(folder: Path, docs: list[dict]):
    """Writes manifests in one go, so that nobody reads half of them."""
    write_text(folder, yaml.safe_dump_all(docs, sort_keys=False))


def write_text(folder: Path, text: str):
    folder.mkdir(exist_ok=True)
    new = folder / "new"
    new.write_text(text)
    os.replace(new, folder / "manifests.yaml")


def edited(example: Example, before: str, after: str, **more) -> Example:
    """The pipeline with another text in the SQL of the stream, and other fields; its manifests are written."""
    docs = list(yaml.safe_load_all((example.folder / "manifests.yaml").read_text()))
    (pipeline,) = [doc for doc in docs if doc["kind"] == "Pipeline"]
    (stream,) = [s for s in pipeline["spec"]["streams"] if s["name"] == STREAM]
    assert before in stream["sql"]
    stream["sql"] = stream["sql"].replace(before, after)
    for part, fields in more.items():
        pipeline[part].update(fields)
    write_manifests(example.folder, docs)
    return replace(example, pipeline=pipeline)


def all_is_read(kafka: Kafka, example: Example) -> bool:
    """Whether everything in the input topic is committed as read."""
    asked = [ConsumerGroupTopicPartitions(example.name)]
    (found,) = kafka.admin.list_consumer_group_offsets(asked).values()
    read = {p.partition: p.offset for p in found.result(30).topic_partitions if p.topic == example.input_topic}
    ends = kafka.ends(example.input_topic, IsolationLevel.READ_COMMITTED)
    return all(read.get(partition, 0) >= end for partition, end in ends.items())


def rows_of(kafka: Kafka, example: Example, stream: str, expected, of_size: int | None = None):
    """The rows of a stream, or only those of windows of a size in seconds."""
    output = example.output(stream)
    records = [Record(m.partition(), m.key(), m.value()) for m in kafka.read_committed(output.topic)]
    if of_size is not None:
        records = [r for r in records if size(r.value) == of_size]
    return appended(records, Reader(expected.columns, output.epoch_millis))


def size(value: bytes) -> int:
    row = json.loads(value)
    return (row["window_end"] - row["window_start"]) // 1_000


def later(records: list[Input], seconds: int) -> list[Input]:
    """The same records, so much later."""

    def moved(record: Input) -> Input:
        fields = json.loads(record.value)
        time = fields["timestamp"]
        fields["timestamp"] = type(time)(int(time) + seconds)
        return replace(record, value=json.dumps(fields).encode())

    return [moved(record) for record in records]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "told",
    [
        {"spec": {"onIncompatibleChange": "Reset"}},
        {"metadata": {"annotations": {"tidemill.io/state-epochs": f"{STREAM}=1"}}},
    ],
    ids=["by the manifest", "by the operator"],
)
def test_a_window_of_another_size_starts_afresh_and_only_if_told_so(told, kafka, tidemill, tag, seed, tmp_path):
    (example,) = isolate(ROOT / "examples" / "account-activity", tmp_path, tag)
    kafka.make_topic(example.input_topic, PARTITIONS)
    stream_of_records = account_activity(seed, example.disorder, step=0.02)
    files = [tmp_path / f"input-{part}.jsonl" for part in range(3)]

    def feed(part: int, records: list[Input]):
        Feed(kafka.bootstrap, example.input_topic, PARTITIONS, files[part]).write(records)

    def start(**options) -> Run:
        return tidemill.run(example.folder, kafka=kafka.bootstrap, state=tmp_path / "state", **options)

    def whole(*parts: int) -> dict[str, Path]:
        together = tmp_path / "together.jsonl"
        together.write_bytes(b"".join(files[part].read_bytes() for part in parts))
        return {example.source["name"]: together}

    feed(0, list(islice(stream_of_records, RECORDS)))
    first = start()
    wait_until(lambda: first.running() and all_is_read(kafka, example), 180, "all records to be read", pause=0.5)
    first.signal(signal.SIGTERM)
    first.succeed(limit=60)

    held = edited(example, "'10' SECOND", "'30' SECOND")
    refused = start(bounded=True, name="refused")
    assert refused.wait(limit=120) == 1
    said = refused.tail()
    for part in (f"`{STREAM}`", "what its open windows hold would be lost", "onIncompatibleChange: Reset"):
        assert part in said, f"{part!r} is not in:\n{said}"

    reset = edited(held, "", "", **told)
    feed(1, list(islice(stream_of_records, RECORDS)))
    second = start(bounded=True, name="reset")
    second.succeed(limit=300)
    assert "the stream was reset" in second.log.read_text(), second.tail()

    # An end closes every window, so the last part begins with windows of its own.
    feed(2, later(list(islice(stream_of_records, RECORDS)), seconds=600))
    third = start(bounded=True, name="on")
    third.succeed(limit=300)
    assert "the stream was reset" not in third.log.read_text(), third.tail()

    expected = Oracle(reset.pipeline, whole(0, 1, 2)).rows(OTHER)
    wrong = difference(expected.counted(), rows_of(kafka, reset, OTHER, expected))
    assert wrong is None, f"{OTHER} is not exact over all runs: {wrong}"
    print(f"{OTHER}: {len(expected.rows):,} rows, equal")

    expected = Oracle(reset.pipeline, whole(1, 2)).rows(STREAM)
    wrong = difference(expected.counted(), rows_of(kafka, reset, STREAM, expected, of_size=30))
    assert wrong is None, f"{STREAM} is not that of a fresh stream: {wrong}"
    print(f"{STREAM}: {len(expected.rows):,} rows of the new windows, equal")

    expected = Oracle(example.pipeline, whole(0)).rows(STREAM).counted()
    before = rows_of(kafka, example, STREAM, Oracle(example.pipeline, whole(0)).rows(STREAM), of_size=10)
    strange = [row for row in before if before[row] > expected[row]]
    assert before and not strange, f"rows of the old windows that nobody expects: {strange[:3]}"


def generating(tag: str, **generator) -> list[dict]:
    """A pipeline that writes what it makes up."""
    api = {"apiVersion": "tidemill.io/v1alpha1"}
    spec = {
        "kafka": {"bootstrapServers": "kafka:9092"},
        "sources": [{"name": "made", "generator": {"kind": "Transactions", "partitions": 2, **generator}}],
        "outputs": [{"from": "made", "sink": "made"}],
    }
    sink = {"kafka": {"topic": f"made-{tag}", "partitions": 1}}
    return [
        {**api, "kind": "Pipeline", "metadata": {"name": f"made-{tag}"}, "spec": spec},
        {**api, "kind": "Sink", "metadata": {"name": "made"}, "spec": sink},
    ]


@pytest.mark.timeout(300)
def test_a_generator_is_edited_while_it_runs(kafka, tidemill, tag, tmp_path):
    folder, topic = tmp_path / "manifests", f"made-{tag}"
    slow = {"rate": 4, "accounts": 1_000, "fraudRatio": 0.0}
    write_manifests(folder, generating(tag, **slow))
    run = tidemill.run(folder, kafka=kafka.bootstrap, state=tmp_path / "state")

    def written() -> int:
        assert run.running(), f"it ended by itself:\n{run.tail()}"
        try:
            return sum(kafka.ends(topic, IsolationLevel.READ_COMMITTED).values()) if kafka.partitions(topic) else 0
        except KafkaException as e:
            assert e.args[0].code() == KafkaError.NOT_LEADER_FOR_PARTITION, e  # a topic that was made a moment ago
            return 0

    def last() -> dict:
        lines = tidemill.output("topic", "read", topic, "--kafka", kafka.bootstrap)
        return json.loads(lines[-1])

    wait_until(lambda: written() > 0, 60, "the first records", pause=0.2)
    assert not last()["is_fraud"]

    # At the old rate this would take a quarter of an hour.
    fast = {**slow, "rate": 1_000}
    write_manifests(folder, generating(tag, **fast))
    wait_until(lambda: written() > 3_600, 60, "the new rate to show", pause=0.2)

    write_manifests(folder, generating(tag, **{**fast, "fraudRatio": 1.0}))
    wait_until(lambda: last()["is_fraud"], 60, "the new ratio to show", pause=0.5)

    write_manifests(folder, generating(tag, **{**fast, "accounts": 1}))
    (only,) = {json.loads(line)["customer_id"] for line in tidemill.output("generate", "customers", "-n", 5, "--accounts", 1)}
    wait_until(lambda: last()["customer_id"] == only, 60, "the one account to show", pause=0.5)

    write_text(folder, "kind: [Pipeline")
    wait_until(lambda: "cannot be used" in run.log.read_text(), 30, "the complaint", pause=0.2)
    then = written()
    wait_until(lambda: written() > then + 2_000, 60, "records to go on coming", pause=0.2)
    assert run.log.read_text().count("cannot be used") == 1, run.tail()

    write_manifests(folder, generating(tag, **{**fast, "seed": 7}))
    wait_until(lambda: "waits for a new start" in run.log.read_text(), 30, "what is left for later to be said", pause=0.2)
    run.signal(signal.SIGTERM)
    run.succeed(limit=30)
    lines = tidemill.output("topic", "read", topic, "--kafka", kafka.bootstrap)
    ids = [json.loads(line)["tx_id"] for line in lines]
    assert len(ids) == len(set(ids)), "a record was made twice"
