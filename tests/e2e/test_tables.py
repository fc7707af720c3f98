"""Streams joined with tables, and tables written to topics: what comes out is what DuckDB says of the same records."""

import json
import random
import signal
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from confluent_kafka import Producer

from harness.kafka import Kafka
from harness.tidemill import Tidemill, is_spilled
from harness.waiting import wait_until

PAYMENTS = 20_000
CUSTOMERS = 3_000

MANIFESTS = """\
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {{name: tables-{tag}}}
spec:
  sources:
  - name: payments
    kafka: {{topic: payments-{tag}}}
    partitionedBy: {partitioned_by}
    columns:
    - {{name: id, type: Int64, required: true}}
    - {{name: customer, type: String}}
    - {{name: amount, type: Int64}}
  - name: customers
    kafka: {{topic: customers-{tag}}}
    format: {{type: {format}}}
    table: {{primaryKey: [id], distribution: {distribution}}}
    columns: [{{name: id, type: String}}, {{name: name, type: String}}, {{name: limit, type: Int64}}]
  streams:
  - name: enriched
    sql: |
      SELECT p.id, p.customer, c.name FROM payments p
      LEFT JOIN customers c ON p.customer = c.id AND p.amount > c."limit"
  - name: known
    sql: SELECT p.id, c.name FROM payments p JOIN customers c ON c.id = p.customer WHERE p.amount > 100
    onMissing: DeadLetter
  outputs:
  - {{from: enriched, sink: enriched}}
  - {{from: known, sink: known}}
  - {{from: customers, sink: copy}}
  - {{from: deadLetter, sink: dead}}
"""
SINK = "---\napiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: {name}}}\nspec: {{kafka: {{topic: {name}-{tag}, partitions: 2}}}}\n"
SINKS = ("enriched", "known", "copy", "dead")


@pytest.fixture
def table_format() -> str:
    return "Json"


@pytest.fixture
def distribution() -> str:
    return "Broadcast"


@pytest.fixture
def manifests(tag, tmp_path, table_format, distribution) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    text = MANIFESTS.format(tag=tag, format=table_format, distribution=distribution, partitioned_by="[customer]" if distribution == "Partitioned" else "[]") + "".join(SINK.format(name=name, tag=tag) for name in SINKS)
    (folder / "tables.yaml").write_text(text)
    return folder


def customers(rng: random.Random, more: str = "") -> list[tuple[str, dict | None]]:
    """Changes of customers: rows, better rows, and (None) deletions. Each name ends with `more`."""
    changes = []
    for n in range(2 * CUSTOMERS):
        key = f"c{rng.randrange(CUSTOMERS)}"
        row = {"id": key, "name": f"name {n}{more}", "limit": rng.randrange(1000)}
        changes.append((key, None if rng.random() < 0.1 else row))
    return changes


def payments(rng: random.Random) -> list[dict]:
    # Some name nobody, some a customer who never was.
    who = lambda: None if rng.random() < 0.02 else f"c{rng.randrange(CUSTOMERS + 200)}"
    return [{"id": n, "customer": who(), "amount": rng.randrange(1000)} for n in range(PAYMENTS)]


def written(table_format: str, key: str, before: dict | None, after: dict | None) -> list[tuple[str, dict | None]]:
    """A change as records, each with its key: the row itself or nothing, or as Debezium tells it."""
    if table_format == "Json":
        return [(key, after)]
    named = json.dumps({"payload": {"id": key}})
    if after:
        return [(named, {"payload": {"op": "u" if before else "c", "before": before, "after": after}})]
    deletion = {"payload": {"op": "d", "before": before or {"id": key}, "after": None}}
    # Debezium writes both, the second for compaction; either is enough.
    return [(named, deletion), (named, None)][: 1 + len(key) % 2]


def expected(table: dict[str, dict], records: list[dict], tmp_path: Path) -> tuple[list, list, int]:
    """What DuckDB makes of the records and of the table as it is in the end."""
    for name, rows in (("customers", table.values()), ("payments", records)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    db = duckdb.connect()
    db.execute(f"CREATE TABLE p AS FROM read_json('{tmp_path}/payments.jsonl', columns={{id: 'BIGINT', customer: 'VARCHAR', amount: 'BIGINT'}})")
    db.execute(f"CREATE TABLE c AS FROM read_json('{tmp_path}/customers.jsonl', columns={{id: 'VARCHAR', name: 'VARCHAR', \"limit\": 'BIGINT'}})")
    enriched = db.execute('SELECT p.id, p.customer, c.name FROM p LEFT JOIN c ON p.customer = c.id AND p.amount > c."limit" ORDER BY 1').fetchall()
    known = db.execute("SELECT p.id, c.name FROM p JOIN c ON c.id = p.customer WHERE p.amount > 100 ORDER BY 1").fetchall()
    (missing,) = db.execute("SELECT count(*) FROM p ANTI JOIN c ON c.id = p.customer WHERE p.amount > 100 AND p.customer IS NOT NULL").fetchone()
    return enriched, known, missing


def rows(values: list[bytes], *columns: str) -> list[tuple]:
    return sorted(tuple(json.loads(value)[column] for column in columns) for value in values)


def test_where_tables_are_is_said(tidemill, manifests):
    said = tidemill.output("validate", "--explain", manifests)
    for wanted in (
        "  table customers: topic customers-",
        "    LEFT JOIN customers: one row by id = customer; all of it is in every worker",
        "  output of known: sink known",
    ):
        assert any(line.startswith(wanted) for line in said), said


def test_a_static_table_gives_the_rows_of_duckdb_on_the_embedded_log(tidemill, manifests, tag, seed, tmp_path):
    rng, state = random.Random(seed), tmp_path / "state"
    changes = [(key, row) for key, row in customers(rng) if row]  # the command line writes no tombstones
    records = payments(rng)

    def write(topic: str, field: str, values: list[dict]):
        lines = "".join(json.dumps(value) + "\n" for value in values).encode()
        tidemill.output("topic", "write", f"{topic}-{tag}", "--key-field", field, "--partitions", 4, "--state", state, stdin=lines, limit=120)

    write("customers", "id", [row for _, row in changes])
    write("payments", "id", records)
    for _ in range(2):
        run = tidemill.run(manifests, state=state, bounded=True)
        time.sleep(rng.uniform(0.1, 1.0))  # any moment will do
        run.kill()
    tidemill.run(manifests, state=state, bounded=True).succeed(limit=300)
    read = lambda name: [line.encode() for line in tidemill.output("topic", "read", f"{name}-{tag}", "--state", state, limit=120)]
    enriched, known, missing = expected(dict(changes), records, tmp_path)
    assert rows(read("enriched"), "id", "customer", "name") == enriched
    assert rows(read("known"), "id", "name") == known
    assert len(read("dead")) == missing


@pytest.mark.parametrize(
    "table_format, distribution, memory",
    [("Json", "Broadcast", None), ("Debezium", "Broadcast", None), ("Json", "Partitioned", None), ("Json", "Broadcast", "4Mi")],
)
def test_a_table_with_deletions_and_killed_workers_on_kafka(
    kafka: Kafka, tidemill: Tidemill, manifests, table_format, distribution, memory, tag, seed, tmp_path, monkeypatch
):
    rng = random.Random(seed)
    if memory:
        monkeypatch.setenv("TIDEMILL_MEMORY", memory)
    changes, records = customers(rng, "." * 2_000 if memory else ""), payments(rng)
    together = distribution == "Partitioned"
    kafka.make_topic(f"customers-{tag}", 4 if together else 3, cleanup_policy="compact")
    kafka.make_topic(f"payments-{tag}", 4)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5})
    send = lambda topic, key, value: producer.produce(f"{topic}-{tag}", key=key, value=None if value is None else json.dumps(value))
    table: dict[str, dict] = {}
    for key, row in changes:
        for record in written(table_format, key, table.get(key), row):
            send("customers", *record)
        table.pop(key, None)
        table |= {key: row} if row else {}
        producer.poll(0)
    producer.flush(60)

    def start(i: int, bounded: bool = False):
        return tidemill.run(manifests, kafka=kafka.bootstrap, state=tmp_path / f"state-{i}", bounded=bounded, name=f"worker-{i}")

    runs = [start(0), start(1)]
    for n, record in enumerate(records):
        send("payments", record["customer"] if together else str(record["id"]), record)
        if n % 100 == 0:
            producer.flush(60)
            time.sleep(0.05)
        if n % (PAYMENTS // 3) == PAYMENTS // 6:
            i = rng.randrange(2)
            runs[i].kill()
            runs[i] = start(i)
    producer.flush(60)
    on_disk = lambda: [is_spilled(tmp_path / f"state-{i}") for i in range(2)]
    wait_until(lambda: on_disk() == [bool(memory)] * 2, 60, "both workers to have rows on disk, or none if there is memory")
    for run in runs:
        run.signal(signal.SIGTERM)
        run.succeed(limit=60)
    start(0, bounded=True).succeed(limit=300)

    values = lambda name: [m.value() for m in kafka.read_committed(f"{name}-{tag}")]
    enriched, known, missing = expected(table, records, tmp_path)
    assert rows(values("enriched"), "id", "customer", "name") == enriched
    assert rows(values("known"), "id", "name") == known
    assert len(values("dead")) == missing
    copy: dict[str, dict] = {}
    for message in kafka.read_committed(f"copy-{tag}"):
        key = message.key().decode()
        copy.pop(key, None)
        copy |= {key: json.loads(message.value())} if message.value() else {}
    assert copy == table

    # What changes while a worker runs counts for the rows that come later.
    run = start(0)
    for record in written(table_format, "c1", table.get("c1"), {"id": "c1", "name": "new name", "limit": 0}):
        send("customers", *record)
    producer.flush(60)

    def is_new() -> bool:
        assert run.running()
        send("payments", "c1", {"id": PAYMENTS, "customer": "c1", "amount": 500})
        producer.flush(60)
        return (PAYMENTS, "new name") in rows(values("known"), "id", "name")

    wait_until(is_new, 60, "a row with the new name", pause=0.5)
    run.signal(signal.SIGTERM)
    run.succeed(limit=60)


BEFORE, AFTER = 2, 5
KNOWN = 400


@pytest.mark.timeout(600)
@pytest.mark.parametrize("distribution", ["Broadcast", "Partitioned"])
def test_a_table_that_grows_while_it_is_read_is_joined_whole(kafka: Kafka, tidemill: Tidemill, manifests, distribution, tag, seed, tmp_path):
    """Two workers; the table's topic, and where they belong together the stream's after it, gets more partitions under load."""
    rng, together = random.Random(seed), distribution == "Partitioned"
    for name in ("customers", "payments", "enriched"):
        kafka.make_topic(f"{name}-{tag}", BEFORE)
    producer = lambda: Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5})
    sent: list[str] = []

    def pay(to: Producer, customers: list[str]) -> range:
        """Payments of these customers, by their positions in `sent`."""
        first = len(sent)
        for customer in customers:
            key = customer if together else str(len(sent))
            to.produce(f"payments-{tag}", key=key, value=json.dumps({"id": len(sent), "customer": customer, "amount": 2000}))
            sent.append(customer)
        to.flush(60)
        return range(first, len(sent))

    def introduce(to: Producer, customers: list[str]):
        for customer in customers:
            to.produce(f"customers-{tag}", key=customer, value=json.dumps({"id": customer, "name": f"name of {customer}", "limit": 5}))
        to.flush(60)

    def names() -> dict[int, str | None]:
        found = [json.loads(m.value()) for m in kafka.read_committed(f"enriched-{tag}")]
        assert len({row["id"] for row in found}) == len(found), "a row came twice"
        return {row["id"]: row["name"] for row in found}

    old, new = [f"c{n}" for n in range(KNOWN)], [f"n{n}" for n in range(KNOWN)]
    before = producer()
    introduce(before, old)
    start = lambda i, bounded=False: tidemill.run(manifests, kafka=kafka.bootstrap, state=tmp_path / f"state-{i}", bounded=bounded, name=f"worker-{i}")
    runs = [start(0), start(1)]
    first = pay(before, old)
    wait_until(lambda: all(run.running() for run in runs) and set(first) <= names().keys(), 60, "the first payments to be joined", pause=0.5)
    known = names()
    assert all(known[n] == f"name of {sent[n]}" for n in first)

    kafka.grow_topic(f"customers-{tag}", AFTER)
    pay(before, rng.choices(old, k=500))
    if together:
        kafka.grow_topic(f"payments-{tag}", AFTER)
    after = producer()
    # Where partitions belong together, a key's row must be where the key's records are now.
    introduce(after, new + (old if together else []))

    def all_known() -> bool:
        assert all(run.running() for run in runs)
        probes = pay(after, new)
        wait_until(lambda: set(probes) <= names().keys(), 60, "the payments to be joined", pause=0.5)
        joined = names()
        return all(joined[n] for n in probes)

    wait_until(all_known, 120, "every partition of the table to be known to both workers", pause=0.5)
    last = pay(after, rng.choices(old + new, k=3_000))
    for run in runs:
        run.signal(signal.SIGTERM)
        run.succeed(limit=60)
    start(0, bounded=True).succeed(limit=120)
    joined = names()
    assert joined.keys() == set(range(len(sent)))
    assert [joined[n] for n in last] == [f"name of {sent[n]}" for n in last]
    assert all(joined[n] in (None, f"name of {customer}") for n, customer in enumerate(sent))


WAITING = """\
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {{name: waiting-{tag}}}
spec:
  sources:
  - name: payments
    kafka: {{topic: payments-{tag}}}
    columns: [{{name: id, type: Int64, required: true}}, {{name: customer, type: String}}, {{name: ts, type: Timestamp}}]
    eventTime: {{column: ts}}
  - name: customers
    kafka: {{topic: customers-{tag}}}
    table: {{primaryKey: [id]}}
    columns: [{{name: id, type: String}}, {{name: name, type: String}}]
  streams:
  - name: enriched
    sql: SELECT p.id, c.name, p.ts FROM payments p LEFT JOIN customers c ON p.customer = c.id
    onMissing: {{waitFor: 1h}}
  - name: minutes
    sql: SELECT name, count(*) AS payments, window_start FROM TUMBLE(enriched, ts, INTERVAL '1' MINUTE) GROUP BY name, window_start
  outputs:
  - {{from: enriched, sink: enriched}}
  - {{from: minutes, sink: minutes}}
"""


@pytest.mark.timeout(600)
def test_rows_that_wait_are_joined_once_though_workers_are_killed(kafka: Kafka, tidemill: Tidemill, tag, seed, tmp_path):
    """Payments first, their customers later: nothing goes on before, all of it goes on when they come though no payment does,
    and what never comes is given up when event time has gone on."""
    rng, count, partitions = random.Random(seed), 3_000, 3
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "waiting.yaml").write_text(WAITING.format(tag=tag) + "".join(SINK.format(name=name, tag=tag) for name in ("enriched", "minutes")))
    for name in ("payments", "customers", "enriched", "minutes"):
        kafka.make_topic(f"{name}-{tag}", partitions)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})
    start = lambda i, bounded=False: tidemill.run(folder, kafka=kafka.bootstrap, state=tmp_path / f"state-{i}", bounded=bounded, name=f"worker-{i}")
    runs = [start(0), start(1)]

    def kill():
        i = rng.randrange(2)
        runs[i].kill()
        runs[i] = start(i)

    def read(name: str) -> list[dict]:
        return [json.loads(m.value()) for m in kafka.read_committed(f"{name}-{tag}")]

    customers = [f"c{n}" for n in range(300)]
    coming = set(rng.sample(customers, 250))
    paid = {n: rng.choice(customers) for n in range(count)}
    for n, customer in paid.items():
        value = {"id": n, "customer": customer, "ts": 1_700_000_000_000 + 100 * n}
        producer.produce(f"payments-{tag}", partition=n % partitions, value=json.dumps(value))
        if n % 500 == 250:
            producer.flush(60)
            kill()
    producer.flush(60)
    all_read = lambda: sum(kafka.committed(f"waiting-{tag}", f"payments-{tag}").values()) == count
    wait_until(all_read, 120, "the payments to be read", pause=0.5)
    assert read("enriched") == []
    kill()
    for n, customer in enumerate(sorted(coming)):
        producer.produce(f"customers-{tag}", key=customer, value=json.dumps({"id": customer, "name": f"name of {customer}"}))
        if n == 100:
            producer.flush(60)
            kill()
    producer.flush(60)
    found = {n for n, customer in paid.items() if customer in coming}
    wait_until(lambda: len(read("enriched")) >= len(found), 120, "the payments of those customers to be joined", pause=0.5)
    assert sorted(row["id"] for row in read("enriched")) == sorted(found)
    kill()
    for n in range(partitions):
        value = {"id": count + n, "customer": None, "ts": 1_700_000_000_000 + 100 * count + 3_600_000}
        producer.produce(f"payments-{tag}", partition=n, value=json.dumps(value))
    producer.flush(60)
    wait_until(lambda: len(read("enriched")) >= count + partitions, 120, "those without a customer to be given up", pause=0.5)
    for run in runs:
        run.signal(signal.SIGTERM)
        run.succeed(limit=60)
    start(0, bounded=True).succeed(limit=120)
    name = lambda n: f"name of {paid[n]}" if n in found else None
    assert sorted((row["id"], row["name"]) for row in read("enriched")) == [(n, name(n)) for n in range(count)] + [(count + n, None) for n in range(partitions)]
    windows = Counter((name(n), (1_700_000_000_000 + 100 * n) // 60_000) for n in paid)
    windows[(None, (1_700_000_000_000 + 100 * count + 3_600_000) // 60_000)] += partitions
    minute = lambda row: datetime.fromisoformat(row["window_start"]).timestamp() // 60
    assert {(row["name"], minute(row)): row["payments"] for row in read("minutes")} == windows
