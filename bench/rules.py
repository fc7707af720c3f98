"""What alert rules cost: the same records with none, one, ten, a hundred and a thousand of them, and three of them beside Flink.

The first rule is a large amount, the second many transactions of an account within a minute, the third what is large in some minutes
of an hour; all others are thresholds that no amount passes, each another. Alerts of Tidemill and Flink are counted by rule, and the
counts must be equal.
"""

import json
import os
from collections import Counter
from pathlib import Path

import yaml
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from contenders import Place, build_peer, flink
from measure import Cost, Failed, run

FLINK_ALERTS = "alerts-flink"
SILENCE = 30
THREE = {
    "large": {"when": "amount > 999"},
    "rapid": {"when": "count(*) >= 15", "window": {"sliding": "1m"}, "partitionBy": ["account"]},
    "by-minute": {"when": "amount > 990 AND date_part('minute', timestamp) BETWEEN 1 AND 4"},
}


def topic(count: int) -> str:
    return f"alerts-{count}"


def manifest(kind: str, name: str, spec: dict) -> dict:
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def manifests(place: Place, count: int) -> Path:
    """A pipeline that reads everything, with so many rules."""
    columns = [("account", "String"), ("amount", "Decimal(12,2)"), ("timestamp", "Timestamp"), ("merchant", "String")]
    source = {
        "name": "tx",
        "kafka": {"topic": place.input_topic, "startFrom": "Earliest"},
        "columns": [{"name": name, "type": type, "required": name != "merchant"} for name, type in columns],
        "eventTime": {"column": "timestamp", "outOfOrderness": "2s"},
        "partitionedBy": ["account"],
    }
    outputs = [{"from": "alerts", "sink": "alerts"}]
    pipeline = manifest("Pipeline", topic(count), {"sources": [source], "outputs": outputs, "commitInterval": "200ms"})
    sink = manifest("Sink", "alerts", {"kafka": {"topic": topic(count)}})
    specs = dict(list(THREE.items())[:count])
    specs |= {f"over-{i}": {"when": "amount > :limit", "parameters": {"limit": 100_000 + i}} for i in range(count - len(specs))}
    own = {"pipelineRef": {"name": topic(count)}, "stream": "tx"}
    rules = [manifest("AlertRule", name, own | spec) for name, spec in specs.items()]
    folder = place.work / f"rules-{count}"
    folder.mkdir()
    (folder / "rules.yaml").write_text(yaml.safe_dump_all([pipeline, sink, *rules]))
    return folder


def measure(place: Place, counts: list[int], records: int, partitions: int, limit: float, beside: bool) -> dict:
    """Runs each number of rules by itself, then Flink with the three, and returns the figures."""
    figures: dict[str, object] = {"records": records}
    for count in counts:
        command = [str(place.tidemill), "run", str(manifests(place, count)), "--kafka", place.bootstrap, "--bounded"]
        cost = run([*command, "--state", str(place.work / f"state-{count}")], place.work / f"rules-{count}.log", limit)
        raised = alerts(place.bootstrap, topic(count), partitions)
        figures[f"{count}_rules"] = described(cost, records, raised)
        print(f"{count} rules: {figures[f'{count}_rules']}", flush=True)
    if beside:
        build_peer("flink")(place)
        cost = run(flink("RulesJob", FLINK_ALERTS)(place), place.work / "rules-flink.log", limit)
        raised = alerts(place.bootstrap, FLINK_ALERTS, partitions)
        figures["3_rules_in_flink"] = described(cost, records, raised)
        ours = alerts(place.bootstrap, topic(3), partitions)
        if ours != raised:
            raise Failed(f"Tidemill raised {ours}, Flink {raised}")
    return figures


def described(cost: Cost, records: int, raised: Counter) -> str:
    each = cost.cpu_seconds / (records / 1e6)
    load = os.getloadavg()[0]
    return f"{each:.2f} CPU s a million records, {cost.peak_mb:.0f} MB, {cost.seconds:.1f} s, {dict(raised)} (load {load:.1f})"


def alerts(bootstrap: str, name: str, partitions: int) -> Counter:
    """Alerts of a topic by rule."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "bench-rules", "isolation.level": "read_committed", "log_level": 3}
    consumer = Consumer(settings | {"enable.partition.eof": True, "enable.auto.commit": False})
    consumer.assign([TopicPartition(name, p, OFFSET_BEGINNING) for p in range(partitions)])
    found, ended = Counter(), set()
    while len(ended) < partitions:
        messages = consumer.consume(10_000, timeout=SILENCE)
        if not messages:
            raise Failed(f"{name} cannot be read to its end")
        ended.update(m.partition() for m in messages if m.error() is not None)
        found.update(json.loads(m.value())["rule"] for m in messages if m.error() is None)
    consumer.close()
    return found
