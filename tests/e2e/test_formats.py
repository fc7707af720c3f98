"""Formats other than JSON, read from a real Kafka and written to it; schemas in a registry that may be away."""

import datetime
import io
import json
import random
from decimal import Decimal
from pathlib import Path

import fastavro
import pytest
import yaml
from confluent_kafka import Producer
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from harness.kafka import Kafka
from harness.registry import Registry, framed, unframed
from harness.tidemill import Tidemill
from harness.waiting import wait_until

UTC = datetime.UTC


@pytest.fixture
def registry():
    registry = Registry()
    yield registry
    registry.put_away()


def write(kafka: Kafka, topic: str, records: list[tuple[bytes | None, bytes | None]], partitions: int = 3):
    """Makes a topic with these records: key and value of each."""
    if not kafka.partitions(topic):
        kafka.make_topic(topic, partitions)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for key, value in records:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(30) == 0


def manifests(folder: Path, tag: str, source: dict, sink: dict, sql: str) -> Path:
    """A Pipeline from the topic `in` to the topic `out`, with its dead letters in `dead`; all of them of the tag's own."""
    metadata = {"name": f"formats-{tag}"}
    source = {"name": "orders", "kafka": {"topic": f"in-{tag}"}, **source}
    outputs = [{"from": "rows", "sink": "out"}, {"from": "deadLetter", "sink": "dead"}]
    spec = {"sources": [source], "streams": [{"name": "rows", "sql": sql}], "outputs": outputs}
    documents = [
        {"kind": "Pipeline", "metadata": metadata, "spec": spec},
        {"kind": "Sink", "metadata": {"name": "out"}, "spec": {"kafka": {"topic": f"out-{tag}", "partitions": 2, **sink}}},
        {"kind": "Sink", "metadata": {"name": "dead"}, "spec": {"kafka": {"topic": f"dead-{tag}", "partitions": 1}}},
    ]
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all([{"apiVersion": "tidemill.io/v1alpha1", **it} for it in documents]))
    return file


def run(tidemill: Tidemill, kafka: Kafka, file: Path, tmp_path: Path, **options):
    tidemill.run(file, kafka=kafka.bootstrap, state=tmp_path / "state", bounded=True, **options).succeed(limit=120)


def values(kafka: Kafka, topic: str) -> list[bytes]:
    return [message.value() for message in kafka.read_committed(topic)]


def reasons(kafka: Kafka, topic: str) -> list[tuple[str, str, bytes]]:
    """Reason, message and value of each dead letter."""
    letters = []
    for message in kafka.read_committed(topic):
        said = {name: value.decode() for name, value in message.headers()}
        letters.append((said["tidemill.reason"], said["tidemill.message"], message.value()))
    return letters


def test_lines_of_csv_and_raw_text(tidemill, kafka, tag, tmp_path):
    lines = [b'1;12.50;"Zurich; HB";2026-01-31T12:00:00Z', b"2;-;plain;-\n", b"x;1;a;-", b'3;1;"never ends;-']
    write(kafka, f"in-{tag}", [(None, line) for line in lines])
    columns = [
        {"name": "id", "type": "Int64", "required": True},
        {"name": "amount", "type": "Decimal(12,2)"},
        {"name": "place", "type": "String"},
        {"name": "ts", "type": "Timestamp"},
    ]
    source = {"format": {"type": "Csv", "delimiter": ";", "nullText": "-"}, "columns": columns}
    sink = {"format": {"type": "Csv", "delimiter": "\t", "nullText": "NULL", "timestamps": "EpochMillis"}}
    file = manifests(tmp_path, tag, source, sink, "SELECT place, id, amount * 2 AS twice, ts FROM orders")
    run(tidemill, kafka, file, tmp_path)
    assert sorted(values(kafka, f"out-{tag}")) == [b"Zurich; HB\t1\t25.00\t1769860800000", b"plain\t2\tNULL\tNULL"]
    assert sorted((reason, value) for reason, _, value in reasons(kafka, f"dead-{tag}")) == [
        ("Malformed", lines[3]),
        ("WrongType", lines[2]),
    ]

    raw = f"{tag}-raw"
    write(kafka, f"in-{raw}", [(b"k", b"GET /index.html 200"), (None, b""), (None, b"caf\xe9")])
    source = {"format": {"type": "Raw"}, "columns": [{"name": "line", "type": "String"}]}
    sql = "SELECT upper(line) AS line FROM orders"
    file = manifests(tmp_path, raw, source, {"format": {"type": "Raw"}}, sql)
    run(tidemill, kafka, file, tmp_path)
    assert sorted(values(kafka, f"out-{raw}")) == [b"", b"GET /INDEX.HTML 200"]
    assert [(reason, value) for reason, _, value in reasons(kafka, f"dead-{raw}")] == [("InvalidUtf8", b"caf\xe9")]


V1 = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "buyer", "type": ["null", {"type": "record", "name": "Person", "fields": [{"name": "name", "type": "string"}]}]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
V2 = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        *V1["fields"][:2],
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ],
}
COLUMNS = [
    {"name": "id", "type": "Int64", "required": True},
    {"name": "amount", "type": "Decimal(12,2)"},
    {"name": "buyer", "type": "String", "from": "buyer.name"},
    {"name": "state", "type": "String"},
    {"name": "at", "type": "Timestamp"},
]
SQL = 'SELECT id, amount, buyer, state, "at", CAST(id AS DOUBLE) / 2 AS half FROM orders'


def avro(schema: dict, record: dict) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def order(number: int, random: random.Random) -> tuple[dict, dict]:
    """An order, and the row that is made of it."""
    at = datetime.datetime(2026, 1, 31, tzinfo=UTC) + datetime.timedelta(milliseconds=random.randrange(10**9))
    amount = Decimal(random.randrange(-(10**6), 10**6)).scaleb(-2)
    row = {"id": number, "amount": amount, "buyer": None, "state": None, "at": at, "half": number / 2}
    if random.random() < 0.5:
        name = random.choice(["Ann", "Zoë", ""])
        return V1, row | {"buyer": name}
    if random.random() < 0.5:
        return V1, row
    return V2, row | {"state": random.choice(["NEW", "PAID"])}


def as_record(schema: dict, row: dict) -> dict:
    buyer = None if row["buyer"] is None else {"name": row["buyer"]}
    return row | {"buyer": buyer} if schema is V1 else row | {"tags": ["a", "b"]}


def test_avro_of_several_schemas_through_a_registry_that_is_away(tidemill, kafka, tag, tmp_path, registry, seed):
    chance = random.Random(seed)
    numbers = {id(V1): registry.register(f"in-{tag}-value", json.dumps(V1)), id(V2): registry.register(f"in-{tag}-value", json.dumps(V2))}
    rows, records = [], []
    for number in range(5_000):
        schema, row = order(number, chance)
        rows.append(row)
        records.append((str(number).encode(), framed(numbers[id(schema)], avro(schema, as_record(schema, row)))))
    strange = [(b"a", b"{}"), (b"b", framed(999, b"x")), (b"c", framed(numbers[id(V1)], b"\x02"))]
    write(kafka, f"in-{tag}", records[:2500] + strange + records[2500:])

    format = {"type": "Avro", "schemaRegistry": {"url": registry.url}}
    sink = {"format": format | {"subject": f"own-{tag}"}}
    file = manifests(tmp_path, tag, {"format": format, "columns": COLUMNS}, sink, SQL)
    registry.down = True
    running = tidemill.run(file, kafka=kafka.bootstrap, state=tmp_path / "state", bounded=True)
    wait_until(lambda: registry.asked and "down for a while" in running.tail(), 60, "the registry to be asked")
    registry.down = False
    wait_until(lambda: f"own-{tag}" in registry.subjects, 60, "the sink's schema to be registered")
    running.succeed(limit=120)

    latest = registry.latest(f"own-{tag}")
    schema = fastavro.parse_schema(json.loads(latest["schema"]))
    written = []
    for value in values(kafka, f"out-{tag}"):
        number, body = unframed(value)
        assert number == latest["id"]
        written.append(fastavro.schemaless_reader(io.BytesIO(body), schema))
    assert sorted(written, key=lambda row: row["id"]) == rows
    said = sorted((reason, value) for reason, _, value in reasons(kafka, f"dead-{tag}"))
    assert said == sorted([("Malformed", strange[0][1]), ("UnknownSchema", strange[1][1]), ("Malformed", strange[2][1])])


def test_an_outage_while_reading_delays_what_waits_for_it_and_loses_nothing(tidemill, kafka, tag, tmp_path, registry):
    first, second = (registry.register(f"in-{tag}-value", json.dumps(schema)) for schema in (V1, V2))
    at = datetime.datetime(2026, 1, 31, tzinfo=UTC)

    def record(number: int, schema: dict, schema_number: int) -> tuple[bytes, bytes]:
        row = {"id": number, "amount": Decimal(1), "buyer": None, "state": "NEW", "at": at}
        return str(number).encode(), framed(schema_number, avro(schema, as_record(schema, row)))

    write(kafka, f"in-{tag}", [record(number, V1, first) for number in range(100)])
    source = {"format": {"type": "Avro", "schemaRegistry": {"url": registry.url}}, "columns": COLUMNS}
    file = manifests(tmp_path, tag, source, {}, "SELECT id FROM orders")
    kafka.make_topic(f"out-{tag}", 2)
    consumer = kafka.consumer(f"out-{tag}", kafka.partitions(f"out-{tag}"))
    running = tidemill.run(file, kafka=kafka.bootstrap, state=tmp_path / "state")

    found: list[int] = []

    def read() -> set[int]:
        assert running.running()
        for message in consumer.consume(1000, timeout=0.5):
            if message.error() is None:
                found.append(json.loads(message.value())["id"])
        return set(found)

    wait_until(lambda: read() == set(range(100)), 60, "the records of the first schema")
    registry.down = True
    asked = len(registry.asked)
    write(kafka, f"in-{tag}", [record(number, V2, second) for number in range(100, 200)])
    write(kafka, f"in-{tag}", [record(number, V1, first) for number in range(200, 300)])
    wait_until(lambda: len(registry.asked) > asked + 2, 60, "the registry to be asked again and again")
    assert not read() & set(range(100, 200))
    registry.down = False
    wait_until(lambda: read() == set(range(300)), 60, "all records")
    assert len(found) == 300
    consumer.close()
    assert reasons(kafka, f"dead-{tag}") == []


def test_a_registry_is_asked_with_the_credentials_of_its_secret(tidemill, kafka, tag, tmp_path):
    registry = Registry(login=("reader", "s3cret"))
    try:
        number = registry.register("any", json.dumps(V1))
        row = {"id": 1, "amount": Decimal(1), "buyer": None, "at": datetime.datetime(2026, 1, 31, tzinfo=UTC)}
        write(kafka, f"in-{tag}", [(None, framed(number, avro(V1, row)))])
        access = {"url": registry.url, "auth": {"secretRef": {"name": "registry"}}}
        source = {"format": {"type": "Avro", "schemaRegistry": access}, "columns": COLUMNS}
        file = manifests(tmp_path, tag, source, {"format": {"type": "Avro", "schemaRegistry": access}}, "SELECT id FROM orders")
        secret = tmp_path / "secrets" / "registry"
        secret.mkdir(parents=True)
        (secret / "username").write_text("reader\n")
        (secret / "password").write_text("s3cret\n")
        tidemill.output(
            "run", file, "--kafka", kafka.bootstrap, "--state", tmp_path / "state", "--bounded", "--secrets", tmp_path / "secrets", limit=120
        )
        assert [unframed(value)[1] for value in values(kafka, f"out-{tag}")] == [b"\x02\x02"]
    finally:
        registry.put_away()


def test_a_registry_that_refuses_a_schema_stops_the_pipeline_with_its_words(tidemill, kafka, tag, tmp_path, registry):
    registry.refuses = True
    write(kafka, f"in-{tag}", [(None, b"{}")])
    source = {"columns": [{"name": "id", "type": "Int64"}]}
    sink = {"format": {"type": "Avro", "schemaRegistry": {"url": registry.url}}}
    file = manifests(tmp_path, tag, source, sink, "SELECT id FROM orders")
    done = tidemill.call("run", file, "--kafka", kafka.bootstrap, "--state", tmp_path / "state", "--bounded")
    assert done.returncode != 0
    assert "Schema being registered is incompatible" in done.stderr.decode()


PROTO = """syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Other { string x = 1; }
message Order {
  message Buyer { string name = 1; }
  enum State { NEW = 0; PAID = 1; }
  int64 id = 1;
  string amount = 2;
  optional Buyer buyer = 3;
  State state = 4;
  google.protobuf.Timestamp at = 5;
  repeated string tags = 9;
}
"""


def messages(name: str, fields: list[tuple[str, int, int, str | None]], inner=()) -> type:
    """A message class made by hand: name, number, type and type's name of each field."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", syntax="proto3", package=name)
    file.dependency.append("google/protobuf/timestamp.proto")
    message = file.message_type.add(name="Row")
    for nested in inner:
        message.nested_type.append(nested)
    for field, number, kind, type_name in fields:
        made = message.field.add(name=field, number=number, type=kind, label=1)
        if type_name:
            made.type_name = type_name
        elif kind != descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE:
            made.proto3_optional = True
            made.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{name}.Row"))


def test_protobuf_through_a_registry(tidemill, kafka, tag, tmp_path, registry, seed):
    chance = random.Random(seed)
    types = descriptor_pb2.FieldDescriptorProto
    buyer = descriptor_pb2.DescriptorProto(name="Buyer")
    buyer.field.add(name="name", number=1, type=types.TYPE_STRING, label=1)
    reads = messages(
        "reads",
        [
            ("id", 1, types.TYPE_INT64, None),
            ("amount", 2, types.TYPE_STRING, None),
            ("buyer", 3, types.TYPE_MESSAGE, ".reads.Row.Buyer"),
            ("state", 4, types.TYPE_INT32, None),
            ("at", 5, types.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
            ("unknown", 77, types.TYPE_STRING, None),
        ],
        [buyer],
    )
    number = registry.register(f"in-{tag}-value", PROTO, "PROTOBUF")
    rows, records = [], []
    for key in range(1000):
        at = datetime.datetime(2026, 1, 31, tzinfo=UTC) + datetime.timedelta(microseconds=chance.randrange(10**12))
        amount = Decimal(chance.randrange(-(10**6), 10**6)).scaleb(-2)
        name = chance.choice([None, "Ann", "Zoë", ""])
        state = chance.choice([0, 1])
        message = reads(id=key, amount=str(amount), state=state, unknown="x")
        message.at.FromDatetime(at)
        if name is not None:
            message.buyer.name = name
        rows.append((key, amount, name, ["NEW", "PAID"][state], at))
        # The second message of the file.
        records.append((None, framed(number, b"\x02\x02" + message.SerializeToString())))
    write(kafka, f"in-{tag}", [*records, (None, framed(number, b"\x02\x02\xff"))])

    format = {"type": "Protobuf", "schemaRegistry": {"url": registry.url}}
    sql = 'SELECT id, amount, buyer, state, "at" FROM orders'
    file = manifests(tmp_path, tag, {"format": format, "columns": COLUMNS}, {"format": format}, sql)
    run(tidemill, kafka, file, tmp_path)

    latest = registry.latest(f"out-{tag}-value")
    assert latest["schemaType"] == "PROTOBUF"
    assert "message rows {" in latest["schema"]
    writes = messages(
        "writes",
        [
            ("id", 1, types.TYPE_INT64, None),
            ("amount", 2, types.TYPE_STRING, None),
            ("buyer", 3, types.TYPE_STRING, None),
            ("state", 4, types.TYPE_STRING, None),
            ("at", 5, types.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
        ],
    )
    written = []
    for value in values(kafka, f"out-{tag}"):
        found, body = unframed(value)
        assert (found, body[0]) == (latest["id"], 0)
        row = writes.FromString(body[1:])
        buyer = row.buyer if row.HasField("buyer") else None
        written.append((row.id, Decimal(row.amount), buyer, row.state, row.at.ToDatetime(UTC)))
    assert sorted(written, key=lambda row: row[0]) == rows
    assert [reason for reason, *_ in reasons(kafka, f"dead-{tag}")] == ["Malformed"]
