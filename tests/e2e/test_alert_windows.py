"""Alert rules with windows over a real Kafka: what each raises, and by which records, beside a reckoning of all records."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from confluent_kafka import IsolationLevel

from harness.kafka import Kafka
from harness.payments import PARTITIONS, payments, write, write_manifests
from harness.tidemill import Tidemill
from harness.waiting import wait_until

PAYMENTS = 8_000
SECOND = timedelta(seconds=1)
KEYED = "  stream: payments\n  partitionBy: [customer]\n"
RULES = {
    "sliding": KEYED + """\
  window: {sliding: 1m}
  when: "count(*) >= :least AND sum(amount) > 90000"
  parameters: {least: 18}
  message: "{customer} made {count(*)} payments, the last of {amount}"
  select: {total: "sum(amount)"}
""",
    "rapid": KEYED + '  window: {sliding: 1m}\n  when: "count(*) >= 22"\n  suppressFor: 30s\n',
    "last-five": KEYED + '  window: {count: 5}\n  when: "min(amount) > 4000"\n',
    "tumbling": KEYED + """\
  window: {tumbling: 1m}
  when: "count(*) > 16"
  select: {total: "sum(amount)", largest: "max(amount)"}
""",
    "hopping": KEYED + '  window: {hopping: {size: 2m, every: 20s}}\n  when: "count(*) > 32"\n',
    "hopping-held": KEYED + '  window: {hopping: {size: 2m, every: 20s}}\n  when: "count(*) > 30"\n  suppressFor: 1m\n',
    "session": KEYED + '  window: {session: 4s}\n  when: "count(*) >= 5"\n',
    "everybody": '  stream: payments\n  window: {sliding: 10s}\n  when: "avg(amount) > 7500"\n',
    "held": '  stream: payments\n  when: "amount > 9900"\n  suppressFor: 5m\n',
}


@dataclass(frozen=True)
class Payment:
    """A payment, and where its record is."""

    time: datetime
    partition: int
    offset: int
    customer: str | None
    amount: Decimal
    number: int

    def __lt__(self, other: "Payment") -> bool:
        return self.order < other.order

    @property
    def order(self) -> tuple:
        return self.time, self.partition, self.offset


@dataclass(frozen=True)
class Alert:
    """What an alert is about: the records are the last 20, and how many there were."""

    rule: str
    customer: str | None
    time: datetime
    bounds: tuple[datetime, datetime] | None
    count: int
    records: tuple[int, ...]


Rows = list[Payment]
Raised = Iterator[tuple[datetime, tuple[datetime, datetime] | None, Rows]]


def sliding(rows: Rows, span: timedelta) -> Raised:
    times = [row.time for row in rows]
    for row in rows:
        # Rows of one time are in it together.
        last = bisect_left(times, row.time + timedelta(microseconds=1))
        yield row.time, (row.time - span, row.time), rows[bisect_left(times, row.time - span) : last]


def counted(rows: Rows, count: int) -> Raised:
    for end in range(count, len(rows) + 1):
        yield rows[end - 1].time, None, rows[end - count : end]


def hopping(rows: Rows, size: timedelta, every: timedelta) -> Raised:
    windows: dict[datetime, Rows] = defaultdict(list)
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    for row in rows:
        start = row.time - (row.time - epoch) % every
        while start + size > row.time:
            windows[start].append(row)
            start -= every
    for start, there in sorted(windows.items(), key=lambda it: it[0]):
        yield start + size, (start, start + size), there


def sessions(rows: Rows, gap: timedelta) -> Raised:
    there: Rows = []
    for row in [*rows, None]:
        if there and (row is None or row.time - there[-1].time > gap):
            bounds = there[0].time, there[-1].time + gap
            yield bounds[1], bounds, there
            there = []
        there.append(row)


def held_back(raised: Raised, span: timedelta) -> Raised:
    last = None
    for time, bounds, rows in raised:
        if last is None or time - last > span:
            last = time
            yield time, bounds, rows


def total(rows: Rows) -> Decimal:
    return sum((row.amount for row in rows), Decimal(0))


def raised(rule: str, rows: Rows) -> Raised:
    """What a rule raises for the rows of a key, which are in order."""
    windows: dict[str, tuple[Raised, Callable[[Rows], bool]]] = {
        "sliding": (sliding(rows, 60 * SECOND), lambda it: len(it) >= 18 and total(it) > 90_000),
        "rapid": (sliding(rows, 60 * SECOND), lambda it: len(it) >= 22),
        "last-five": (counted(rows, 5), lambda it: min(row.amount for row in it) > 4000),
        "tumbling": (hopping(rows, 60 * SECOND, 60 * SECOND), lambda it: len(it) > 16),
        "hopping": (hopping(rows, 120 * SECOND, 20 * SECOND), lambda it: len(it) > 32),
        "hopping-held": (hopping(rows, 120 * SECOND, 20 * SECOND), lambda it: len(it) > 30),
        "session": (sessions(rows, 4 * SECOND), lambda it: len(it) >= 5),
        "everybody": (sliding(rows, 10 * SECOND), lambda it: total(it) / len(it) > 7500),
        "held": (counted(rows, 1), lambda it: it[0].amount > 9900),
    }
    found, fires = windows[rule]
    found = (it for it in found if fires(it[2]))
    spans = {"rapid": 30, "hopping-held": 60, "held": 300}
    return held_back(found, spans[rule] * SECOND) if rule in spans else found


def expected(rows: Rows) -> set[Alert]:
    by_customer: dict[str | None, Rows] = defaultdict(list)
    for row in rows:
        by_customer[row.customer].append(row)
    alerts = set()
    for rule in RULES:
        keys = {None: rows} if rule in ("everybody", "held") else by_customer
        for customer, its in keys.items():
            for time, bounds, window in raised(rule, sorted(its)):
                last = tuple(row.number for row in sorted(window)[-20:])
                alerts.add(Alert(rule, customer, time, bounds, len(window), last))
    return alerts


def when(text: str | None) -> datetime | None:
    return text and datetime.fromisoformat(text.replace("Z", "+00:00"))


def told(alert: dict) -> Alert:
    evidence = alert["evidence"]
    bounds = when(alert["window_start"]), when(alert["window_end"])
    return Alert(
        alert["rule"],
        alert["key"].get("customer"),
        when(alert["event_time"]),
        None if bounds == (None, None) else bounds,
        evidence["count"],
        tuple(record["row"]["id"] for record in evidence["records"]),
    )


@pytest.fixture
def manifests(tag, tmp_path) -> Path:
    return write_manifests(tmp_path / "manifests", tag, RULES)


def test_windows_raise_what_they_should_also_when_the_worker_is_killed(
    kafka: Kafka, tidemill: Tidemill, manifests, tag, tmp_path, seed
):
    kafka.make_topic(f"payments-{tag}", PARTITIONS)
    kafka.make_topic(f"alerts-{tag}", 2)
    written = payments(seed, PAYMENTS)
    places = write(kafka.bootstrap, f"payments-{tag}", written)
    rows = [
        Payment(when(row["ts"]), *places[row["id"]], row["customer"], Decimal(row["amount"]), row["id"]) for row in written
    ]
    options = {"kafka": kafka.bootstrap, "state": tmp_path / "state"}
    first = tidemill.run(manifests, **options)
    topic = f"alerts-{tag}"
    ends = lambda: kafka.ends(topic, IsolationLevel.READ_COMMITTED)
    wait_until(lambda: sum(ends().values()) > 20, 60, "the first alerts", pause=0.02)
    first.kill()
    tidemill.run(manifests, **options, bounded=True).succeed(limit=120)

    alerts = [json.loads(m.value()) for m in kafka.read_committed(topic)]
    found = [told(alert) for alert in alerts]
    wanted = expected(rows)
    assert {alert.rule for alert in wanted} == set(RULES), "each rule fires"
    for rule in RULES:
        own = sorted((it for it in found if it.rule == rule), key=repr)
        assert own == sorted((it for it in wanted if it.rule == rule), key=repr), rule
    assert len({alert["alert_id"] for alert in alerts}) == len(alerts)
    by_number = {row.number: row for row in rows}
    for alert in alerts:
        assert_shows_its_records(alert, by_number, f"payments-{tag}")
    assert_is_explained(tidemill, kafka, next(it for it in alerts if it["rule"] == "tumbling"), topic)


def assert_shows_its_records(alert: dict, rows: dict[int, Payment], topic: str):
    its = [rows[record["row"]["id"]] for record in alert["evidence"]["records"]]
    for record, row in zip(alert["evidence"]["records"], its):
        assert (record["topic"], record["partition"], record["offset"]) == (topic, row.partition, row.offset)
        assert (record["row"]["customer"], Decimal(str(record["row"]["amount"]))) == (row.customer, row.amount)
    count, details = alert["evidence"]["count"], alert["details"]
    if alert["rule"] == "sliding":
        last = its[-1].amount
        assert alert["message"] == f"{alert['key']['customer'] or ''} made {count} payments, the last of {last}"
    if alert["rule"] in ("sliding", "tumbling") and count <= 20:
        assert Decimal(str(details["total"])) == total(its)
    if alert["rule"] == "tumbling" and count <= 20:
        assert Decimal(str(details["largest"])) == max(row.amount for row in its)


def assert_is_explained(tidemill: Tidemill, kafka: Kafka, alert: dict, topic: str):
    """Whether the command line shows an alert with its records as they are in their topic."""
    lines = tidemill.output("explain", alert["alert_id"], "--topic", topic, "--kafka", kafka.bootstrap)
    assert f"message     {alert['message']}" in lines
    records = alert["evidence"]["records"]
    for line, record in zip(lines[-len(records) :], records, strict=True):
        place, value = line.strip().split(": ", 1)
        assert place == f"{record['topic']}/{record['partition']} at {record['offset']}"
        assert json.loads(value)["id"] == record["row"]["id"]
    unknown = tidemill.call("explain", "0" * 32, "--topic", topic, "--kafka", kafka.bootstrap)
    assert unknown.returncode == 1 and b"there is no alert" in unknown.stderr
