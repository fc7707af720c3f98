"""Webhooks: alerts are posted to a receiver, at least once, whatever becomes of it, of the worker and of the connection."""

import json
import random
import re
import ssl
import subprocess
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from harness.kafka import Kafka
from harness.payments import PARTITIONS, payments, write, write_manifests
from harness.receiver import BREAK, HANG, Receiver, Request, free_port, url_of
from harness.tidemill import Tidemill
from harness.waiting import wait_until

PAYMENTS = 3_000
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
RULES = {"over-limit": "  stream: payments\n  severity: High\n  when: amount > 9000\n  select: {number: id}\n"}


@pytest.fixture
def receive():
    """Starts receivers, which are gone after the test."""
    all_of_them: list[Receiver] = []

    def start(*args, **options) -> Receiver:
        all_of_them.append(Receiver(*args, **options))
        return all_of_them[-1]

    yield start
    for receiver in all_of_them:
        receiver.put_away()


def write_all(folder: Path, tag: str, webhooks: dict[str, tuple[str, dict]]) -> Path:
    """The pipeline of payments, with webhooks: of each what is written to it, and its fields."""
    write_manifests(folder, tag, RULES)
    file = folder / "rules.yaml"
    outputs = "".join(f"  - {{from: {of}, sink: {name}}}\n" for name, (of, _) in webhooks.items())
    text = file.read_text().replace("  outputs:\n", f"  outputs:\n{outputs}", 1)
    for name, (_, fields) in webhooks.items():
        sink = {"apiVersion": "tidemill.io/v1alpha1", "kind": "Sink", "metadata": {"name": name}, "spec": {"webhook": fields}}
        text += "---\n" + yaml.safe_dump(sink)
    file.write_text(text)
    return folder


def secret(folder: Path, name: str, **keys: str) -> Path:
    """A Secret as a folder; the folder of all Secrets."""
    (folder / name).mkdir(parents=True)
    for key, value in keys.items():
        (folder / name / key).write_text(value + "\n")
    return folder


def alerts_of(kafka: Kafka, tag: str) -> dict[str, dict]:
    """What was written to the topic of alerts, by alert_id."""
    alerts = [json.loads(message.value()) for message in kafka.read_committed(f"alerts-{tag}")]
    found = {alert["alert_id"]: alert for alert in alerts}
    assert len(found) == len(alerts)
    return found


def expected(seed: int) -> int:
    """How many alerts are raised."""
    return sum(float(row["amount"]) > 9000 for row in payments(seed, PAYMENTS))


def start(kafka: Kafka, tag: str, seed: int):
    kafka.make_topic(f"payments-{tag}", PARTITIONS)
    write(kafka.bootstrap, f"payments-{tag}", payments(seed, PAYMENTS))


def whatever(seed: int):
    """What a receiver answers that often is not at its best."""
    rng = random.Random(seed)
    return lambda _: rng.choices([(204, ""), (503, "later"), (429, "too many"), BREAK, HANG], [70, 12, 6, 10, 2])[0]


def test_every_alert_arrives_whatever_befalls_receiver_and_worker(kafka, tidemill, tag, tmp_path, seed, receive):
    start(kafka, tag, seed)
    receiver = receive(whatever(seed))
    webhook = {"url": receiver.url, "timeout": "1s", "headers": {"X-Team": "fraud"}}
    manifests = write_all(tmp_path / "manifests", tag, {"hook": ("alerts", webhook)})
    options = {"kafka": kafka.bootstrap, "state": tmp_path / "state"}
    first = tidemill.run(manifests, **options)
    wait_until(lambda: first.running() and len(receiver.keys()) > 50, 90, "the first alerts", pause=0.02)
    first.kill()
    before = receiver.keys()
    tidemill.run(manifests, **options, bounded=True).succeed(limit=180)

    alerts = alerts_of(kafka, tag)
    assert len(before) < len(alerts), "all was delivered before the worker was killed"
    assert receiver.keys() == set(alerts)
    for request in receiver.taken:
        assert request.json == alerts[request.key]
        assert (request.headers["Content-Type"], request.headers["X-Team"]) == ("application/json", "fraud")
    assert list(kafka.read_committed(f"dead-{tag}")) == []


def test_another_worker_goes_on_where_one_has_died(kafka, tidemill, tag, tmp_path, seed, receive):
    start(kafka, tag, seed)
    receiver = receive(lambda _: (503, "not yet"))
    manifests = write_all(tmp_path / "manifests", tag, {"hook": ("alerts", {"url": receiver.url, "timeout": "1s"})})
    workers = [tidemill.run(manifests, kafka=kafka.bootstrap, state=tmp_path / name, name=name) for name in ("one", "two")]
    shares = lambda: sorted(kafka.shares(f"rules-{tag}.hook.deliver", f"rules-{tag}.hook.outbox"))
    wait_until(lambda: all(w.running() for w in workers) and shares() == [4, 4], 90, "both workers to deliver", pause=0.1)
    receiver.answer = whatever(seed)
    wait_until(lambda: len(receiver.keys()) > 30, 90, "the first alerts", pause=0.02)
    workers[0].kill()
    before = receiver.keys()
    wait_until(lambda: workers[1].running() and len(receiver.keys()) == expected(seed), 120, "all alerts to arrive")
    assert receiver.keys() == set(alerts_of(kafka, tag)) > before


def test_what_is_refused_is_a_dead_letter_and_the_rest_goes_on(kafka, tidemill, tag, tmp_path, seed, receive):
    start(kafka, tag, seed)
    is_odd = lambda alert: alert["details"]["number"] % 2 == 1
    receiver = receive(lambda request: (400, "odd\nnumbers " + "x" * 300) if is_odd(request.json) else (200, ""))
    webhook = {"url": receiver.url, "secretRef": {"name": "hook"}}
    manifests = write_all(tmp_path / "manifests", tag, {"hook": ("alerts", webhook)})
    secrets = secret(tmp_path / "secrets", "hook", token="abc", hmacKey="s3cret")
    where = ("--kafka", kafka.bootstrap, "--state", tmp_path / "state", "--secrets", secrets)
    tidemill.output("run", manifests, *where, "--bounded", limit=180)

    alerts = alerts_of(kafka, tag)
    refused = {key for key, alert in alerts.items() if is_odd(alert)}
    assert refused and receiver.keys() == set(alerts) - refused
    letters = list(kafka.read_committed(f"dead-{tag}"))
    assert sorted(json.loads(letter.value())["alert_id"] for letter in letters) == sorted(refused)
    for letter in letters:
        said = {name: value.decode() for name, value in letter.headers()}
        assert said["tidemill.reason"] == "Undelivered"
        assert said["tidemill.message"] == "webhook `hook`: 400 Bad Request: " + ("odd numbers " + "x" * 300)[:200]
        assert said["tidemill.source.topic"].endswith(".hook.outbox")
    for request in receiver.asked:
        assert request.headers["Authorization"] == "Bearer abc"
        assert request.is_signed(b"s3cret")


def test_a_receiver_that_is_dead_holds_nothing_up_but_its_own_rows(kafka, tidemill, tag, tmp_path, seed, receive):
    start(kafka, tag, seed)
    port, page = free_port(), free_port()
    manifests = write_all(tmp_path / "manifests", tag, {"hook": ("alerts", {"url": url_of(port)})})
    running = tidemill.run(manifests, kafka=kafka.bootstrap, state=tmp_path / "state", listen=f"127.0.0.1:{page}")

    def look(path: str) -> str:
        assert running.running()
        with urllib.request.urlopen(f"http://127.0.0.1:{page}{path}", timeout=10) as answer:
            return answer.read().decode()

    def status() -> dict | None:
        try:
            return json.loads(look("/status"))["pipelines"][0]
        except OSError:
            return None  # it is about to start

    rows = lambda: sum(output["rows"] for output in (status() or {"outputs": []})["outputs"] if output["sink"] == "alerts")
    wait_until(lambda: rows() == expected(seed), 120, "all alerts to be in their topic")
    wait_until(lambda: status()["trouble"], 60, "the trouble to be told")
    hook = status()["webhooks"][0]
    assert (hook["sink"], hook["delivered"], hook["givenUp"]) == ("hook", 0, 0)
    assert hook["waiting"] >= expected(seed) and hook["retries"] > 0
    assert status()["trouble"].startswith(f"sink `hook`: http://127.0.0.1:{port}: ")
    assert "T0" not in json.dumps(status()), "what may be secret of an address is shown"
    assert status()["phase"] == "Running"

    receiver = receive(port=port)
    alerts = alerts_of(kafka, tag)
    assert len(alerts) == expected(seed)
    wait_until(lambda: receiver.keys() == set(alerts), 120, "all alerts to arrive")
    wait_until(lambda: status()["webhooks"][0]["delivered"] == expected(seed), 30, "the deliveries to be counted")
    wait_until(lambda: status()["trouble"] is None, 30, "the trouble to be over")
    metrics = look("/metrics")
    assert re.search(rf'tidemill_webhook_delivered_rows_total{{sink="hook",pipeline="rules-{tag}"}} {expected(seed)}\n', metrics)
    assert f'tidemill_webhook_waiting_rows{{sink="hook",pipeline="rules-{tag}"}} 0.0\n' in metrics


def test_bodies_are_as_the_standards_say(tidemill, tag, tmp_path, seed, receive):
    """On the embedded log, which delivers as Kafka does."""
    events, rows, on_call = receive(), receive(), receive()
    webhooks = {
        "events": ("alerts", {"url": events.url, "format": "CloudEvents"}),
        "rows": ("large", {"url": rows.url, "format": "CloudEvents"}),
        "on-call": ("alerts", {"url": on_call.url, "format": "Alertmanager"}),
    }
    manifests = write_all(tmp_path / "manifests", tag, webhooks)
    state = tmp_path / "state"
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in payments(seed, PAYMENTS))
    tidemill.output("topic", "write", f"payments-{tag}", "--partitions", PARTITIONS, "--state", state, stdin=lines)
    tidemill.run(manifests, state=state, bounded=True).succeed(limit=180)

    read = lambda topic: [json.loads(line) for line in tidemill.output("topic", "read", f"{topic}-{tag}", "--state", state)]
    alerts = {alert["alert_id"]: alert for alert in read("alerts")}
    assert len(alerts) > 100
    assert events.keys() == on_call.keys() == set(alerts)
    for request in events.taken:
        alert = alerts[request.key]
        assert request.headers["Content-Type"].startswith("application/cloudevents+json")
        assert request.json == {
            "specversion": "1.0",
            "id": alert["alert_id"],
            "source": f"rules-{tag}/alerts",
            "type": "io.tidemill.alert",
            "time": alert["event_time"],
            "datacontenttype": "application/json",
            "data": alert,
        }
    for request in on_call.taken:
        alert = alerts[request.key]
        assert request.headers["Content-Type"] == "application/json"
        assert request.json == [{
            "labels": {"alertname": "over-limit", "severity": "High"},
            "annotations": {"summary": alert["message"]},
            "startsAt": alert["event_time"],
        }]
        assert datetime.fromisoformat(alert["event_time"]).tzinfo is not None
    found = [request.json for request in rows.taken]
    by_id = lambda rows: sorted(rows, key=lambda row: row["id"])
    assert by_id(event["data"] for event in found) == by_id(read("large"))
    assert all(event["type"] == "io.tidemill.row" and "time" not in event for event in found)
    ids = [event["id"] for event in found]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(rf"rules-{tag}\.rows\.outbox/[0-7]/\d+", it) for it in ids)
    assert [request.key for request in rows.taken] == [it.replace("/", "-") for it in ids]


def test_a_receiver_with_a_certificate_of_its_own_is_trusted_by_the_secret(kafka, tidemill, tag, tmp_path, seed, receive):
    start(kafka, tag, seed)
    authority, certificate, key = (tmp_path / name for name in ("ca.crt", "tls.crt", "tls.key"))
    make = lambda *options: subprocess.run(["openssl", "req", "-x509", *NEW_KEY, "-days", "1", *options], check=True, capture_output=True)
    make("-subj", "/CN=authority", "-keyout", str(tmp_path / "ca.key"), "-out", str(authority))
    ours = ["-CA", str(authority), "-CAkey", str(tmp_path / "ca.key"), "-addext", "basicConstraints=CA:FALSE"]
    make("-subj", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1", *ours, "-keyout", str(key), "-out", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver = receive(tls=context)
    secrets = secret(tmp_path / "secrets", "trusts", **{"ca.crt": authority.read_text()})
    secret(tmp_path / "secrets", "does-not", token="abc")
    hooks = {name: ("alerts", {"url": receiver.url, "secretRef": {"name": name}, "retryFor": "3s"}) for name in ("trusts", "does-not")}
    manifests = write_all(tmp_path / "manifests", tag, hooks)
    where = ("--kafka", kafka.bootstrap, "--state", tmp_path / "state", "--secrets", secrets)
    tidemill.output("run", manifests, *where, "--bounded", limit=180)
    assert receiver.keys() == set(alerts_of(kafka, tag))
    assert all("Authorization" not in request.headers for request in receiver.asked), "who is not known is told nothing"
    dead = [json.loads(message.value()) for message in kafka.read_committed(f"dead-{tag}")]
    given_up = {letter["alert_id"] for letter in dead if "alert_id" in letter}
    assert given_up == receiver.keys()
