"""A table joined with a table on Kafka: while both change and workers are killed, in the end it has the rows of the batch over what
both hold then; and of keys that are in neither any more nothing is kept, not even in the changelog."""

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from confluent_kafka import IsolationLevel, Producer

from harness.crew import Crew
from harness.kafka import Kafka
from harness.waiting import wait_until

PARTITIONS = 3
KEYS = 2_000
CHANGES = 20_000
ROUNDS = 6

MANIFESTS = """\
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {{name: merging-{tag}}}
spec:
  sources:
  - name: customers
    kafka: {{topic: customers-{tag}}}
    table: {{primaryKey: [id]}}
    columns: [{{name: id, type: String}}, {{name: name, type: String}}, {{name: limit, type: Int64}}]
  - name: loyalty
    kafka: {{topic: loyalty-{tag}}}
    table: {{primaryKey: [customer]}}
    columns: [{{name: customer, type: String}}, {{name: points, type: Int64}}]
  streams:
  - name: members
    sql: SELECT c.id, c.name, l.points FROM customers c JOIN loyalty l ON l.customer = c.id
  - name: everybody
    sql: |
      SELECT c.id, c.name, l.points FROM customers c
      LEFT JOIN loyalty l ON c.id = l.customer AND l.points > c."limit"
  outputs:
  - {{from: members, sink: members}}
  - {{from: everybody, sink: everybody}}
"""
SINK = "---\napiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: {name}}}\nspec: {{kafka: {{topic: {name}-{tag}, partitions: 2}}}}\n"
QUERIES = {
    "members": "SELECT c.id, c.name, l.points FROM c JOIN l ON l.customer = c.id",
    "everybody": 'SELECT c.id, c.name, l.points FROM c LEFT JOIN l ON c.id = l.customer AND l.points > c."limit"',
}
Table = dict[str, dict]


class Sides:
    """The two tables as their topics have them."""

    def __init__(self, kafka: Kafka, tag: str):
        self.tables: dict[str, Table] = {"customers": {}, "loyalty": {}}
        self._tag = tag
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5})
        for name in self.tables:
            kafka.make_topic(f"{name}-{tag}", PARTITIONS, cleanup_policy="compact")

    def change(self, name: str, key: str, row: dict | None):
        """Writes a row of a table, or its deletion."""
        self._producer.produce(f"{name}-{self._tag}", key=key, value=None if row is None else json.dumps(row))
        self._producer.poll(0)
        self.tables[name].pop(key, None)
        self.tables[name] |= {key: row} if row else {}

    def flush(self):
        assert not self._producer.flush(60)

    def delete_all(self):
        for name, table in self.tables.items():
            for key in list(table):
                self.change(name, key, None)
        self.flush()

    def expected(self, stream: str, folder: Path) -> Table:
        """What DuckDB makes of them."""
        db = duckdb.connect()
        columns = {"customers": "{id: 'VARCHAR', name: 'VARCHAR', \"limit\": 'BIGINT'}", "loyalty": "{customer: 'VARCHAR', points: 'BIGINT'}"}
        for name, table in self.tables.items():
            file = folder / f"{name}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in table.values()))
            db.execute(f"CREATE TABLE {name[0]} AS FROM read_json('{file}', columns={columns[name]})")
        rows = db.execute(QUERIES[stream]).fetchall()
        return {row[0]: dict(zip(("id", "name", "points"), row)) for row in rows}


def changes(rng: random.Random, count: int) -> Iterator[tuple[str, str, dict | None]]:
    """Rows, better rows and deletions of both sides."""
    for n in range(count):
        key, gone = f"c{rng.randrange(KEYS)}", rng.random() < 0.3
        if rng.random() < 0.5:
            yield "customers", key, None if gone else {"id": key, "name": f"name {n}", "limit": rng.randrange(1000)}
        else:
            yield "loyalty", key, None if gone else {"customer": key, "points": rng.randrange(1000)}


def held(kafka: Kafka, topic: str) -> Table:
    """The rows that a topic leaves, by key."""
    rows: Table = {}
    for message in kafka.read_committed(topic):
        key = message.key().decode()
        rows.pop(key, None)
        rows |= {key: json.loads(message.value())} if message.value() else {}
    return rows


def in_force(kafka: Kafka, topic: str) -> int:
    """How many records of a changelog compaction would leave for ever."""
    last: dict[tuple[int, bytes], bytes | None] = {}
    for message in kafka.read_committed(topic):
        last[message.partition(), message.key()] = message.value()
    return sum(value is not None for value in last.values())


def all_read(kafka: Kafka, tag: str, sides: Sides) -> bool:
    """Whether all changes are committed."""
    topics = [f"{name}-{tag}" for name in sides.tables]
    return all(kafka.committed(f"merging-{tag}", topic) == kafka.ends(topic, IsolationLevel.READ_UNCOMMITTED) for topic in topics)


@pytest.mark.timeout(900)
def test_both_tables_change_while_workers_are_killed(kafka, tidemill, tag, seed, tmp_path):
    rng, folder = random.Random(seed), tmp_path / "manifests"
    folder.mkdir()
    text = MANIFESTS.format(tag=tag) + "".join(SINK.format(name=name, tag=tag) for name in QUERIES)
    (folder / "merging.yaml").write_text(text)
    sides = Sides(kafka, tag)
    crew = Crew(tidemill, [folder], kafka.bootstrap, tmp_path)

    def assert_as_in_batch():
        for stream in QUERIES:
            expected = sides.expected(stream, tmp_path)
            assert held(kafka, f"{stream}-{tag}") == expected
            print(f"{stream}: {len(expected):,} rows, equal")

    crew.start()
    crew.start()
    for _ in range(ROUNDS):
        for change in changes(rng, CHANGES // ROUNDS):
            sides.change(*change)
        sides.flush()
        victim = rng.choice(list(crew.runs))
        # At any moment of its work, which is not long.
        wait_until(lambda: crew.check_alive() is None and rng.random() < 0.3, 60, "any moment", pause=0.1)
        crew.kill(victim)
        crew.start()
    crew.finish(limit=300)
    assert_as_in_batch()

    sides.delete_all()
    crew.start()
    wait_until(lambda: all_read(kafka, tag, sides), 120, "the deletions to be read", pause=0.5)
    crew.kill(0)
    crew.finish(limit=300)
    assert_as_in_batch()
    changelogs = [topic for topic in kafka.admin.list_topics(timeout=30).topics if tag in topic and "changelog" in topic]
    assert changelogs
    assert {topic: in_force(kafka, topic) for topic in changelogs} == dict.fromkeys(changelogs, 0)

    for change in changes(rng, 500):
        sides.change(*change)
    sides.flush()
    crew.finish(limit=300)
    assert_as_in_batch()
