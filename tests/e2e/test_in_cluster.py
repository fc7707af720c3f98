"""The operator in a real cluster, installed by its chart: what is applied runs, and stays exact whatever is done to it."""

import json
import os
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from harness.broker import Broker
from harness.cluster import CHART, TIDEMILL, Cluster
from harness.deployed import Deployed
from harness.exactness import assert_exact
from harness.feed import Feed, LiveFeed
from harness.kafka import Kafka
from harness.manifests import ROOT, isolate
from harness.oracle import Oracle
from harness.records import account_activity
from harness.tidemill import find_binary
from harness.waiting import wait_until
from harness.watch import Watcher

PARTITIONS = 8
PER_SECOND = int(os.environ.get("TIDEMILL_TEST_RATE", "2000"))
STEP = 0.02
RECOVERY_LIMIT = 120  # longer is taken for stuck; how long it took is printed


@pytest.fixture(scope="module")
def broker(cluster, tmp_path_factory):
    """A Kafka that pods reach, plainly and with a password."""
    broker = Broker(tmp_path_factory.mktemp("broker"), host=cluster.host_address(), secure=True).start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def operator(cluster, session_tag):
    """The operator, installed by Helm."""
    cluster.load_tidemill(find_binary().parent)
    with cluster.new_namespace(f"operator-{session_tag}") as here:
        values = ("--set", f"image.repository={TIDEMILL.split(':')[0]}", "--set", "image.pullPolicy=Never", "--set", "log=info")
        here.helm("install", "tidemill", str(CHART), "--take-ownership", "--force-conflicts", "--wait", "--timeout", "60s", *values)
        yield here
        print(here.kubectl("logs", "deployment/tidemill-operator", "--tail=60"))
        here.helm("uninstall", "tidemill", "--wait")


def test_an_example_is_applied_and_its_rows_come(operator, namespace, broker, tmp_path):
    """What the README says, with the examples as they are."""
    namespace.publish_host("kafka", int(broker.address("host").rsplit(":", 1)[1]), at=9092)
    namespace.kubectl("apply", "--kustomize", str(ROOT / "examples" / "account-activity"))
    for name in ("account-activity-generator", "account-activity"):
        namespace.kubectl("wait", "--for=condition=Ready", f"pipeline/{name}", "--timeout=60s", limit=70)
    kafka = Kafka(broker.bootstrap)
    wait_until(lambda: kafka.partitions("account-activity"), 60, "the input topic")
    wait_until(lambda: sum(kafka.settled_ends("account-activity").values()) >= 100_000, 60, "all of the input")
    wait_until(lambda: sum(kafka.settled_ends("fraud-alerts").values()) > 0, 60, "rows of fraud_alerts")
    for name, topic in (("account-activity-generator", "account-activity"), ("account-activity", "account-balances")):
        print(f"{name}: its first row is stamped {until_first_row(namespace, kafka, name, topic):.1f} s after the second in which a pod was scheduled")
    header, *lines = namespace.kubectl("get", "pipelines").splitlines()
    assert header.split()[:4] == ["NAME", "READY", "REASON", "WORKERS"]
    assert [line.split()[:2] for line in lines] == [["account-activity", "True"], ["account-activity-generator", "True"]]
    deployed = namespace.get("deployments")["items"]
    assert {d["metadata"]["ownerReferences"][0]["kind"] for d in deployed} == {"Pipeline"}
    for name in ("account-activity-generator", "account-activity"):
        namespace.kubectl("delete", "pipeline", name, "--timeout=60s", limit=70)
    wait_until(lambda: not [t for t in topics(kafka) if t.startswith(f"{namespace.namespace}.")], 60, "internal topics to be deleted")
    assert "fraud-alerts" in topics(kafka)


def until_first_row(namespace: Cluster, kafka: Kafka, pipeline: str, topic: str) -> float:
    """Seconds from when a pod of the pipeline was scheduled, which is told in whole seconds, to the stamp of the first row in a topic."""
    pods = namespace.get("pods", "--selector", f"app.kubernetes.io/instance={pipeline}")["items"]
    conditions = [c for pod in pods for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]
    scheduled = min(datetime.fromisoformat(c["lastTransitionTime"]) for c in conditions)
    return min(message.timestamp()[1] for message in kafka.read_committed(topic)) / 1000 - scheduled.timestamp()


def topics(kafka: Kafka) -> set[str]:
    return set(kafka.admin.list_topics(timeout=30).topics)


@pytest.mark.timeout(1500)
def test_nothing_is_lost_or_repeated_whatever_is_done(operator, namespace, broker, tidemill, tag, seed, tmp_path):
    kafka = Kafka(broker.bootstrap)
    (example,) = isolate(ROOT / "examples/account-activity", tmp_path, tag)
    kafka.make_topic(example.input_topic, PARTITIONS)
    (balances,) = [o for o in example.outputs if "balance" in o.stream]
    kafka.make_topic(balances.topic, balances.partitions, message_timestamp_type="LogAppendTime")
    make_secret(namespace, broker, "PLAIN")
    deployed = Deployed(namespace, example, broker.address("sasl"), secret="kafka-user", workers=2)
    deployed.wait_until_well(2, RECOVERY_LIMIT)

    feed = Feed(broker.bootstrap, example.input_topic, PARTITIONS, tmp_path / "input.jsonl")
    live = LiveFeed(feed, account_activity(seed, example.disorder, STEP), PER_SECOND, 1)
    watcher = Watcher(kafka, balances.topic, lambda value: feed.partition_of(str(json.loads(value)["account"])))
    live.start()
    watcher.start()
    took = []
    try:
        watcher.mark()
        watcher.wait_for_all(PARTITIONS, RECOVERY_LIMIT)
        for what, disturb, workers in disturbances(operator, namespace, broker, deployed):
            start = time.monotonic()
            watcher.mark()
            disturb()
            watcher.mark()
            deployed.wait_until_well(workers, RECOVERY_LIMIT)
            _, everything = watcher.wait_for_all(PARTITIONS, RECOVERY_LIMIT)
            took.append(f"{what:50} {time.monotonic() - start:6.1f} s until well, rows of all partitions {everything:6.1f} s after it")
            print(took[-1], flush=True)
    finally:
        watcher.stop()
        live.stop(limit=60)
    deployed.patch(suspend=True)
    namespace.wait_for_condition("pipeline", deployed.name, "Ready", reason="Suspended", limit=RECOVERY_LIMIT)
    wait_until(lambda: not deployed.pods(), 60, "the last worker to leave")
    # Nothing but the end of the input closes the last windows.
    tidemill.run(deployed.write(tmp_path / "rest"), kafka=broker.bootstrap, state=tmp_path / "state", bounded=True).succeed(limit=300)
    # While its Secret is there: with that gone first, as a namespace's end may have it, nothing can be cleaned up.
    namespace.kubectl("delete", "pipeline", deployed.name, "--timeout=60s", limit=70)
    print(f"{feed.written:,} records")
    assert_exact(kafka, example, Oracle(example.pipeline, {example.source["name"]: feed.file}))


def make_secret(namespace: Cluster, broker: Broker, mechanism: str):
    keys = {"mechanism": mechanism, "username": broker.secret("username"), "password": broker.secret("password")}
    namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kafka-user"}, "stringData": keys})


def disturbances(operator: Cluster, namespace: Cluster, broker: Broker, it: Deployed) -> list[tuple[str, Callable[[], None], int]]:
    """What is done, how, and how many workers there are to be afterwards."""
    worker = f"{it.name}-worker"

    def scale_operator(replicas: int):
        operator.kubectl("scale", "deployment/tidemill-operator", f"--replicas={replicas}")
        operator.kubectl("rollout", "status", "deployment/tidemill-operator", "--timeout=60s", limit=70)

    def autoscale(least: int, most: int):
        it.patch(workers=None, autoscale={"min": least, "max": most, "targetLag": "10s"})

    def without_operator():
        scale_operator(0)
        namespace.kubectl("delete", "pod", next(iter(it.pods())), "--wait=false")
        time.sleep(60)
        scale_operator(1)

    def broker_restart():
        broker.stop()
        time.sleep(30)
        broker.start()

    def api_server_restart():
        namespace.stop_server("kube-apiserver")
        time.sleep(5)
        namespace.start_servers()

    def suspend_and_resume():
        it.patch(suspend=True)
        namespace.wait_for_condition("pipeline", it.name, "Ready", reason="Suspended", limit=RECOVERY_LIMIT)
        it.patch(suspend=False)

    def edit_deployment():
        before = namespace.get("deployment", worker)["spec"]
        namespace.kubectl("set", "image", f"deployment/{worker}", "worker=nobody/nothing:1")
        namespace.kubectl("scale", f"deployment/{worker}", "--replicas=1")
        wait_until(lambda: namespace.get("deployment", worker)["spec"] == before, 30, "the Deployment to be put right")

    def delete(kind: str):
        namespace.kubectl("delete", kind, worker)
        wait_until(lambda: namespace.find(kind, worker), 30, f"the {kind} to be back")

    def change_secret():
        before = set(it.pods())
        make_secret(namespace, broker, "SCRAM-SHA-512")
        wait_until(lambda: not before & set(it.pods()), RECOVERY_LIMIT, "workers with the new Secret")

    return [
        ("a worker's pod is deleted", lambda: namespace.kubectl("delete", "pod", next(iter(it.pods())), "--wait=false"), 2),
        ("a worker is killed in its container", lambda: it.kill_in_container(next(iter(it.pods()))), 2),
        ("scaled to 1", lambda: it.scale(1), 1),
        ("scaled to 4", lambda: it.scale(4), 4),
        ("scaled to 2", lambda: it.scale(2), 2),
        ("scaled to 1 by the autoscaler", lambda: autoscale(1, 1), 1),
        ("scaled to 4 by the autoscaler", lambda: autoscale(4, 4), 4),
        ("scaled to 2 by the autoscaler", lambda: autoscale(1, 2), 2),
        ("two workers again, without the autoscaler", lambda: it.patch(autoscale=None, workers=2), 2),
        ("a rolling update (another variable)", lambda: it.patch(worker={"env": [{"name": "RUST_LOG", "value": "debug"}]}), 2),
        ("suspended and resumed", suspend_and_resume, 2),
        ("the operator is gone for a minute, and a worker's pod is deleted", without_operator, 2),
        ("Kafka is stopped for 30 s", broker_restart, 2),
        *([("the API server is restarted", api_server_restart, 2)] if namespace.own else []),
        ("the Deployment is edited by hand", edit_deployment, 2),
        ("the Deployment is deleted by hand", lambda: delete("deployment"), 2),
        ("the ConfigMap is deleted by hand", lambda: delete("configmap"), 2),
        ("the Secret is changed", change_secret, 2),
    ]
