"""Alert rules over a real Kafka: every row is judged by every rule, and each alert says why it was raised."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from confluent_kafka import IsolationLevel

from harness.kafka import Kafka
from harness.payments import PARTITIONS, payments, write, write_manifests
from harness.tidemill import Tidemill
from harness.waiting import wait_until

PAYMENTS = 30_000

RULES = {
    "over-limit": """\
  stream: payments
  severity: High
  when: amount > :limit
  parameters: {limit: 9000}
  message: "{customer} paid {amount} at {ts}, {{over}} the limit"
  select: {above: "amount - :limit", customer: customer}
""",
    "at-night": "  stream: payments\n  severity: Low\n  when: date_part('hour', ts) BETWEEN 1 AND 4\n",
    "in-shadow": "  stream: payments\n  mode: Shadow\n  when: amount > 1\n",
    "switched-off": "  stream: payments\n  mode: Disabled\n  when: there is no such SQL\n",
    "small-parts": "  stream: payments\n  when: amount / parts < 10\n",
    "to-alerts-alone": "  stream: payments\n  severity: High\n  sinkRefs: [{name: alerts}]\n  when: amount < 5\n",
    "doubled": "  stream: large\n  when: doubled > 19000\n",
}


@pytest.fixture
def manifests(tag, tmp_path) -> Path:
    return write_manifests(tmp_path / "manifests", tag, RULES)


def expected(rows: list[dict]) -> dict[tuple[str, int], str]:
    """What each rule raises: the severity, by rule and row."""
    raised = {}
    for row in rows:
        amount, hour = Decimal(row["amount"]), int(row["ts"][11:13])
        fires = {
            "over-limit": amount > 9000,
            "at-night": 1 <= hour <= 4,
            "small-parts": row["parts"] != 0 and amount / row["parts"] < 10,
            "to-alerts-alone": amount < 5,
            "doubled": amount * 2 > 19000,
        }
        raised |= {(rule, row["id"]): severity(rule) for rule, fired in fires.items() if fired}
    return raised


def severity(rule: str) -> str:
    return {"over-limit": "High", "to-alerts-alone": "High", "at-night": "Low"}.get(rule, "Medium")


def test_every_row_is_judged_by_every_rule(kafka: Kafka, tidemill: Tidemill, manifests, tag, tmp_path, seed):
    kafka.make_topic(f"payments-{tag}", PARTITIONS)
    kafka.make_topic(f"alerts-{tag}", 2)
    rows = payments(seed, PAYMENTS)
    places = write(kafka.bootstrap, f"payments-{tag}", rows)
    options = {"kafka": kafka.bootstrap, "state": tmp_path / "state"}
    first = tidemill.run(manifests, **options)
    alerts_topic = f"alerts-{tag}"
    ends = lambda: kafka.ends(alerts_topic, IsolationLevel.READ_COMMITTED)
    wait_until(lambda: sum(ends().values()) > 100, 60, "the first alerts", pause=0.02)
    first.kill()
    tidemill.run(manifests, **options, bounded=True).succeed(limit=120)

    alerts = [json.loads(m.value()) for m in kafka.read_committed(alerts_topic)]
    found = {(a["rule"], record_of(a)["row"]["id"]): a["severity"] for a in alerts}
    assert found == expected(rows)
    assert len({a["alert_id"] for a in alerts}) == len(alerts) == len(found)
    by_id = {row["id"]: row for row in rows}
    for alert in alerts:
        assert_says_why(alert, by_id[record_of(alert)["row"]["id"]], places, tag)

    paged = {json.loads(m.value())["alert_id"] for m in kafka.read_committed(f"pager-{tag}")}
    assert paged == {alert["alert_id"] for alert in alerts if alert["severity"] == "High" and alert["rule"] != "to-alerts-alone"}

    shadow = [json.loads(m.value()) for m in kafka.read_committed(f"rules-{tag}.shadow-alerts")]
    assert sorted(record_of(a)["row"]["id"] for a in shadow) == [row["id"] for row in rows if Decimal(row["amount"]) > 1]

    dead = [json.loads(m.value()) for m in kafka.read_committed(f"dead-{tag}")]
    assert sorted(row["id"] for row in dead) == sorted(row["id"] for row in rows if row["parts"] == 0)


def record_of(alert: dict) -> dict:
    assert alert["evidence"]["count"] == 1
    (record,) = alert["evidence"]["records"]
    return record


def assert_says_why(alert: dict, row: dict, places: dict[int, tuple[int, int]], tag: str):
    """Whether an alert has what its rule says, and the record that it was raised for."""
    record = record_of(alert)
    assert (record["topic"], record["partition"], record["offset"]) == (f"payments-{tag}", *places[row["id"]])
    assert (alert["key"], alert["window_start"], alert["window_end"], alert["rule_version"]) == ({}, None, None, 1)
    if alert["rule"] == "doubled":
        assert set(record["row"]) == {"id", "customer", "doubled"}
        return
    assert alert["event_time"] == row["ts"]
    assert record["row"]["customer"] == row["customer"]
    if alert["rule"] == "over-limit":
        who = row["customer"] or ""
        assert alert["message"] == f"{who} paid {row['amount']} at {row['ts']}, {{over}} the limit"
        assert alert["details"]["customer"] == row["customer"]
        assert Decimal(str(alert["details"]["above"])) == Decimal(row["amount"]) - 9000
    else:
        assert alert["message"].startswith(f"{alert['rule']}: ")
