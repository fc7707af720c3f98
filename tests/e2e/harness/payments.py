"""Payments that alert rules watch: the manifests, and the rows."""

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

from confluent_kafka import Producer

PARTITIONS = 3
BEGIN = datetime(2024, 2, 29, 20, tzinfo=timezone.utc)

PIPELINE = """\
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {{name: rules-{tag}}}
spec:
  sources:
  - name: payments
    kafka: {{topic: payments-{tag}}}
    columns:
    - {{name: id, type: Int64, required: true}}
    - {{name: customer, type: String}}
    - {{name: amount, type: "Decimal(12,2)"}}
    - {{name: parts, type: Int64}}
    - {{name: ts, type: Timestamp}}
    eventTime: {{column: ts, outOfOrderness: 2s}}
  streams:
  - {{name: large, sql: "SELECT id, customer, amount * 2 AS doubled FROM payments WHERE amount > 5000"}}
  outputs:
  - {{from: large, sink: large}}
  - {{from: alerts, sink: alerts}}
  - {{from: alerts, sink: pager, severities: [High]}}
  - {{from: deadLetter, sink: dead}}
"""
SINK = "---\napiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: {name}}}\nspec: {{kafka: {{topic: {name}-{tag}, partitions: 2}}}}\n"
RULE = "---\napiVersion: tidemill.io/v1alpha1\nkind: AlertRule\nmetadata: {{name: {name}}}\nspec:\n  pipelineRef: {{name: rules-{tag}}}\n{rest}"


def write_manifests(folder: Path, tag: str, rules: dict[str, str]) -> Path:
    """The pipeline with rules: of each, what follows its pipelineRef."""
    folder.mkdir()
    text = PIPELINE.format(tag=tag)
    text += "".join(SINK.format(name=name, tag=tag) for name in ("large", "alerts", "pager", "dead"))
    text += "".join(RULE.format(name=name, tag=tag, rest=rest) for name, rest in rules.items())
    (folder / "rules.yaml").write_text(text)
    return folder


def payments(seed: int, count: int) -> list[dict]:
    """A payment a second, of few customers, none more than a second late."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        at = BEGIN + timedelta(seconds=number) + timedelta(milliseconds=rng.randrange(1000))
        rows.append({
            "id": number,
            "customer": rng.choice(["anna", 'b"ob', "zoë", None]),
            "amount": f"{rng.randrange(1_000_000) / 100:.2f}",
            "parts": rng.randrange(0, 50),
            "ts": shown(at),
        })
    return rows


def shown(time: datetime) -> str:
    """A time as rows have it: with milliseconds where there are any."""
    parts = "milliseconds" if time.microsecond else "seconds"
    return time.isoformat(timespec=parts).replace("+00:00", "Z")


def write(bootstrap: str, topic: str, rows: list[dict]) -> dict[int, tuple[int, int]]:
    """Writes rows; where each of them is."""
    places: dict[int, tuple[int, int]] = {}
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 3})
    for row in rows:
        note = lambda error, message, number=row["id"]: places.__setitem__(number, (message.partition(), message.offset()))
        producer.produce(topic, json.dumps(row), partition=row["id"] % PARTITIONS, on_delivery=note)
        producer.poll(0)
    producer.flush()
    assert len(places) == len(rows)
    return places
