"""The operator, beside a real Kubernetes, with real workers and a real Kafka: what it makes, puts right, refuses and takes away."""

import json
from itertools import islice

from confluent_kafka import IsolationLevel

from harness.broker import Broker
from harness.cluster import Cluster
from harness.deployed import Deployed
from harness.feed import Feed
from harness.kafka import Kafka
from harness.manifests import ROOT, isolate
from harness.operator import Operator
from harness.receiver import Receiver
from harness.records import account_activity
from harness.tidemill import find_binary
from harness.waiting import wait_until

BACKLOG = 400_000
MADE = "serviceaccount,configmap,deployment,service,poddisruptionbudget,networkpolicy"


def sink(name: str, **spec) -> dict:
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": "Sink", "metadata": {"name": name}, "spec": spec or {"kafka": {"topic": name}}}


def pipeline(broker: Broker, name: str = "made", sql: str | None = None, **spec) -> dict:
    """Payments that are made up, summed by account every ten seconds."""
    sql = sql or (
        "SELECT account, sum(amount) AS total, window_start FROM TUMBLE(payments, ts, INTERVAL '10' SECOND)"
        " GROUP BY account, window_start"
    )
    generator = {"kind": "Transactions", "rate": 500, "accounts": 100, "partitions": 4}
    source = {"name": "payments", "generator": generator, "eventTime": {"column": "ts"}, "partitionedBy": ["account"]}
    base = {
        "kafka": {"bootstrapServers": broker.address("host")},
        "sources": [source],
        "streams": [{"name": "spend", "sql": sql}],
        "outputs": [{"from": "spend", "sink": "spend"}],
    }
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": "Pipeline", "metadata": {"name": name}, "spec": {**base, **spec}}


def versions(namespace: Cluster) -> dict[str, str]:
    """The uid of each pod: another one is another pod."""
    pods = namespace.get("pods")["items"]
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def accepted(namespace: Cluster, reason: str) -> str:
    return namespace.wait_for_condition("pipeline", "made", "Accepted", "False", reason)["message"]


def test_a_pipeline_runs_and_whatever_is_changed_by_hand_is_put_right(operator, namespace, broker):
    namespace.apply(sink("spend"), pipeline(broker))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    namespace.wait_for_condition("pipeline", "made", "Flowing", reason="Flowing")
    namespace.wait_for_condition("pipeline", "made", "SourceReachable")
    namespace.wait_for_condition("sink", "spend", "Ready")
    before = namespace.find("configmap", "made-worker")["data"]

    namespace.kubectl("delete", MADE, "--selector", "app.kubernetes.io/instance=made", "--wait=false")
    for kind in MADE.split(","):
        wait_until(lambda kind=kind: namespace.find(kind, "made-worker"), 20, f"the {kind} to be back")
    namespace.wait_for_condition("pipeline", "made", "Ready")

    namespace.kubectl("patch", "configmap", "made-worker", "--type=merge", "--patch", '{"data": {"manifests.yaml": "broken"}}')
    namespace.kubectl("scale", "deployment", "made-worker", "--replicas=3")
    wait_until(lambda: namespace.find("configmap", "made-worker")["data"] == before, 20, "the manifests to be put right")
    wait_until(lambda: namespace.find("deployment", "made-worker")["spec"]["replicas"] == 1, 20, "the number to be put right")


def test_edits_that_cannot_be_leave_what_runs_alone(operator, namespace, broker):
    namespace.apply(sink("spend"), pipeline(broker))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    before = versions(namespace)

    namespace.apply(pipeline(broker, sql="SELECT account, amuont FROM payments"))
    message = accepted(namespace, "Invalid")
    assert "spec.streams[0].sql, line 1, column 17" in message and "did you mean `amount`?" in message

    longer = pipeline(broker)
    longer["spec"]["streams"][0]["sql"] = longer["spec"]["streams"][0]["sql"].replace("'10' SECOND", "'1' MINUTE")
    namespace.apply(longer)
    message = accepted(namespace, "IncompatibleChange")
    assert "stream `spend`" in message and "onIncompatibleChange: Reset" in message

    namespace.apply(pipeline(broker))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    namespace.kubectl("delete", "sink", "spend")
    assert "`spend`" in namespace.wait_for_condition("pipeline", "made", "ResolvedRefs", "False", "SinkNotFound")["message"]
    assert versions(namespace) == before


def test_what_needs_no_plan_takes_effect_while_an_edit_is_refused(operator, namespace, broker):
    namespace.apply(sink("spend"), pipeline(broker))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    before = versions(namespace)
    suspend = lambda it: namespace.kubectl("patch", "pipeline", "made", "--type=merge", "--patch", f'{{"spec": {{"suspend": {it}}}}}')

    namespace.apply(pipeline(broker, sql="SELECT account, amuont FROM payments"))
    accepted(namespace, "Invalid")
    namespace.kubectl("scale", "pipeline", "made", "--replicas=2")
    wait_until(lambda: len(versions(namespace)) == 2, 30, "a second worker")
    assert before.items() <= versions(namespace).items()

    suspend("true")
    namespace.wait_for_condition("pipeline", "made", "Ready", reason="Suspended")
    assert versions(namespace) == {}
    accepted(namespace, "Invalid")

    suspend("false")
    wait_until(lambda: len(versions(namespace)) == 2, 30, "both workers to be back")


def test_what_takes_effect_live_restarts_no_pod(operator, namespace, broker):
    namespace.apply(sink("spend"), pipeline(broker))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    rate = lambda: namespace.find("pipeline", "made")["status"].get("recordsPerSecond", 0)
    wait_until(lambda: 300 <= rate() <= 700, 90, "500 records a second")
    before = versions(namespace)
    faster = pipeline(broker, commitInterval="100ms")
    faster["spec"]["sources"][0]["generator"]["rate"] = 2_000
    namespace.apply(faster)
    wait_until(lambda: rate() >= 1_400, 90, "2,000 records a second")
    assert versions(namespace) == before


def test_a_stream_is_reset_where_the_manifest_says_so(operator, namespace, broker):
    namespace.apply(sink("spend"), pipeline(broker, workers=2))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    before = versions(namespace)
    longer = pipeline(broker, workers=2, onIncompatibleChange="Reset")
    longer["spec"]["streams"][0]["sql"] = longer["spec"]["streams"][0]["sql"].replace("'10' SECOND", "'1' MINUTE")
    namespace.apply(longer)
    wait_until(lambda: len(versions(namespace)) == 2 and not before.keys() & versions(namespace).keys(), 60, "two new workers")
    namespace.wait_for_condition("pipeline", "made", "Ready")
    namespace.wait_for_condition("pipeline", "made", "Flowing", reason="Flowing")
    assert "tidemill.io/state-epochs: spend=1" in namespace.find("configmap", "made-worker")["data"]["manifests.yaml"]
    strategy = lambda: namespace.find("deployment", "made-worker")["spec"]["strategy"]["type"]
    wait_until(lambda: strategy() == "RollingUpdate", 30, "rolling updates again")
    restarts = [c["restartCount"] for pod in namespace.get("pods")["items"] for c in pod["status"]["containerStatuses"]]
    assert restarts == [0, 0], "the new workers take up what the old ones left"


def test_scaling_and_suspending(operator, namespace, broker):
    namespace.apply(sink("spend"), pipeline(broker))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    (first, uid), = versions(namespace).items()

    namespace.kubectl("scale", "pipeline", "made", "--replicas=9")
    namespace.wait_for_condition("pipeline", "made", "Ready")
    assert versions(namespace)[first] == uid, "scaling restarts no pod"
    assert len(versions(namespace)) == 4, "there are partitions for four"
    namespace.kubectl("scale", "pipeline", "made", "--replicas=1")
    wait_until(lambda: len(versions(namespace)) == 1, 30, "one worker")
    # There are no measurements in this cluster; what a HorizontalPodAutoscaler does without is to keep to its least.
    namespace.kubectl("autoscale", "pipeline", "made", "--min=2", "--max=4", "--cpu-percent=50")
    wait_until(lambda: len(versions(namespace)) == 2, 60, "the HorizontalPodAutoscaler to scale")
    namespace.kubectl("delete", "hpa", "made")

    namespace.kubectl("patch", "pipeline", "made", "--type=merge", "--patch", '{"spec": {"suspend": true}}')
    namespace.wait_for_condition("pipeline", "made", "Ready", reason="Suspended")
    wait_until(lambda: namespace.get("pods")["items"] == [], 30, "the last worker to be gone")
    namespace.kubectl("patch", "pipeline", "made", "--type=merge", "--patch", '{"spec": {"suspend": false, "workers": 1}}')
    namespace.wait_for_condition("pipeline", "made", "Ready", reason="Ready")


def test_workers_follow_the_lag_within_their_bounds(operator, namespace, broker, tag, seed, tmp_path):
    (example,) = isolate(ROOT / "examples/account-activity", tmp_path, tag)
    Kafka(broker.bootstrap).make_topic(example.input_topic, 4)
    feed = Feed(broker.bootstrap, example.input_topic, 4, tmp_path / "input.jsonl")
    feed.write(islice(account_activity(seed, example.disorder, 0.02), BACKLOG))
    slow = {"resources": {"limits": {"cpu": "100m"}}}
    deployed = Deployed(namespace, example, broker.address("host"), worker=slow, autoscale={"min": 1, "max": 4, "targetLag": "1s"})
    deployed.wait_until_well(1, 60)
    uids = versions(namespace)

    wait_until(lambda: len(deployed.pods()) == 4, 120, "four workers for what there is to catch up with")
    assert uids.items() <= versions(namespace).items(), "scaling restarts no pod"
    decided = deployed.status()["autoscale"]
    assert decided["workers"] == 4, decided
    assert any(event["reason"] == "Scaled" for event in namespace.get("events")["items"])

    uids = versions(namespace)
    deployed.patch(autoscale={"min": 1, "max": 2, "targetLag": "1s"})
    wait_until(lambda: len(deployed.pods()) == 2, 60, "the bounds to be kept")
    assert versions(namespace).items() <= uids.items(), "bounds restart no pod"


def test_another_operator_takes_over(operator, namespace, broker, tmp_path):
    namespace.apply(sink("spend"), pipeline(broker))
    namespace.wait_for_condition("pipeline", "made", "Ready")
    second = Operator(namespace, tmp_path / "second.log", "second", 18098)
    second.start()
    holder = lambda: namespace.get("lease", "tidemill-operator")["spec"]["holderIdentity"]
    first = holder()
    before = versions(namespace)
    operator.run.kill()
    wait_until(lambda: holder() != first, 60, "the second operator to lead")
    namespace.kubectl("scale", "pipeline", "made", "--replicas=2")
    wait_until(lambda: len(versions(namespace)) == 2, 30, "the second operator to scale")
    assert before.items() <= versions(namespace).items(), "a new leader restarts no pod"
    operator.run = second.run


def test_credentials_that_are_missing_or_bad_are_said_and_start_nothing(operator, namespace, broker):
    kafka = {"bootstrapServers": broker.address("host"), "auth": {"secretRef": {"name": "kafka-user"}}}
    namespace.apply(sink("spend"), pipeline(broker, kafka=kafka))
    namespace.wait_for_condition("pipeline", "made", "ResolvedRefs", "False", "SecretNotFound")
    namespace.kubectl("create", "secret", "generic", "kafka-user", "--from-literal=username=somebody")
    message = namespace.wait_for_condition("pipeline", "made", "ResolvedRefs", "False", "SecretInvalid")["message"]
    assert "`password`" in message and "somebody" not in message
    assert versions(namespace) == {}
    namespace.kubectl("delete", "secret", "kafka-user")
    namespace.kubectl("create", "secret", "generic", "kafka-user", "--from-literal=security.protocol=PLAINTEXT")
    namespace.wait_for_condition("pipeline", "made", "Ready")
    before = versions(namespace)
    namespace.kubectl("patch", "secret", "kafka-user", "--type=merge", "--patch", '{"stringData": {"more": "x"}}')
    wait_until(lambda: not before.keys() & versions(namespace).keys(), 60, "workers with the new Secret")


def test_a_deleted_pipeline_takes_its_topics_with_it(operator, namespace, broker, tidemill):
    namespace.apply(sink("spend"), pipeline(broker), pipeline(broker, "kept", deletionPolicy="Retain"))
    for name in ("made", "kept"):
        namespace.wait_for_condition("pipeline", name, "Ready")

    def topics() -> list[str]:
        log = namespace.call(str(find_binary()), "topic", "list", "--kafka", broker.bootstrap)
        return [line.split()[0] for line in log.splitlines()]

    of = f"{namespace.namespace}."
    assert any(topic.startswith(of + "made.") for topic in topics())
    namespace.kubectl("delete", "pipeline", "made", "kept", "--timeout=60s", limit=70)
    assert not any(topic.startswith(of + "made.") for topic in topics())
    assert any(topic.startswith(of + "kept.") for topic in topics())
    assert "spend" in topics()


def rule(name: str, **spec) -> dict:
    base = {"pipelineRef": {"name": "made"}, "stream": "payments", "when": "amount > 5"}
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": "AlertRule", "metadata": {"name": name}, "spec": {**base, **spec}}


def test_rules_are_judged_by_all_workers_and_broken_ones_change_nothing(operator, namespace, broker):
    rapid = {"partitionBy": ["account"], "window": {"sliding": "1m"}, "when": "count(*) >= 5"}
    namespace.apply(rule("rapid-activity", **rapid), rule("broken", when="amuont > 5"), rule("shadow", mode="Shadow"))
    namespace.wait_for_condition("alertrule", "rapid-activity", "ResolvedRefs", "False", "PipelineNotFound")
    outputs = [{"from": "spend", "sink": "spend"}, {"from": "alerts", "sink": "alerts"}]
    namespace.apply(sink("spend"), sink("alerts"), pipeline(broker, outputs=outputs, workers=2))
    namespace.kubectl("wait", "--for=condition=Ready", "alertrule/rapid-activity", "--timeout=120s", limit=130)
    refused = namespace.wait_for_condition("alertrule", "broken", "Accepted", "False", "Invalid")["message"]
    assert refused.startswith("spec.when, line 1, column 1: there is no column `amuont`")
    namespace.wait_for_condition("alertrule", "shadow", "Ready", reason="Shadow")

    kafka = Kafka(broker.bootstrap)
    wait_until(lambda: any(kafka.ends("alerts", IsolationLevel.READ_COMMITTED).values()), 60, "an alert")
    alerts = [json.loads(message.value()) for message in kafka.read_committed("alerts")]
    assert {(alert["rule"], alert["rule_version"]) for alert in alerts} == {("rapid-activity", 1)}
    # Those of an account are in several partitions: the first of one may be its sixth payment's.
    assert min(alert["evidence"]["count"] for alert in alerts) >= 5

    def shown() -> str:
        header, line = namespace.kubectl("get", "alertrules", "shadow").splitlines()
        return line[header.index("SHADOW") :].split(" ")[0]

    wait_until(lambda: int(shown() or 0) > 0, 60, "alerts to be counted")

    namespace.apply(rule("rapid-activity", **{**rapid, "when": "count(*) >="}))
    message = namespace.wait_for_condition("alertrule", "rapid-activity", "Accepted", "False", "Invalid")["message"]
    assert message.startswith("spec.when, line 1, column 12") and message.endswith("version 1 goes on")
    assert namespace.find("alertrule", "rapid-activity")["status"]["version"] == 1
    namespace.apply(rule("rapid-activity", **{**rapid, "when": "count(*) >= 6"}))
    wait_until(lambda: namespace.find("alertrule", "rapid-activity")["status"].get("workers") == 2, 120, "both workers to judge by it")
    namespace.wait_for_condition("alertrule", "rapid-activity", "Ready", limit=120)
    namespace.kubectl("delete", "alertrule", "rapid-activity")
    wait_until(lambda: "rapid-activity" not in str(namespace.find("configmap", "made-worker")["data"]), 30, "it to be gone")


def test_alerts_are_posted_with_the_keys_of_a_secret_and_nothing_is_left_behind(operator, namespace, broker):
    host, _ = broker.address("host").rsplit(":", 1)
    receiver = Receiver(host=host)
    try:
        namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pager-keys"}, "stringData": {"hmacKey": "s3cret"}})
        pager = {"url": receiver.url, "format": "CloudEvents", "secretRef": {"name": "pager-keys"}}
        outputs = [{"from": "spend", "sink": "spend"}, {"from": "alerts", "sink": "pager"}]
        namespace.apply(sink("spend"), sink("pager", webhook=pager), rule("large"), pipeline(broker, outputs=outputs))
        namespace.wait_for_condition("pipeline", "made", "Ready")
        wait_until(lambda: len(receiver.keys()) > 10, 60, "alerts to be posted")
        posted = list(receiver.taken)
        assert all(request.is_signed(b"s3cret") for request in posted)
        assert {request.json["type"] for request in posted} == {"io.tidemill.alert"}
        assert {request.json["data"]["rule"] for request in posted} == {"large"}

        of = f"{namespace.namespace}.made."
        kafka = Kafka(broker.bootstrap)
        own = lambda: [name for name in kafka.admin.list_topics(timeout=30).topics if name.startswith(of)]
        groups = lambda: [it.group_id for it in kafka.admin.list_consumer_groups().result().valid if it.group_id.startswith(of)]
        assert f"{of}pager.outbox" in own() and groups() == [f"{of}pager.deliver"]
        namespace.kubectl("delete", "pipeline", "made", "--timeout=60s", limit=70)
        wait_until(lambda: not own() and not groups(), 30, "topics and groups to be gone")
    finally:
        receiver.put_away()


def test_an_idle_pipeline_writes_no_status(operator, namespace, broker):
    quiet = pipeline(broker)
    quiet["spec"]["sources"][0]["generator"]["records"] = 100
    namespace.apply(sink("spend"), quiet)
    namespace.wait_for_condition("pipeline", "made", "Flowing", reason="Idle", limit=90)
    written = "tidemill_operator_status_writes_total"
    # The last figures are written half a minute after those before.
    wait_until(lambda: namespace.find("pipeline", "made")["status"].get("recordsPerSecond") == 0, 90, "the rate to be 0")
    before = (operator.figure(written), namespace.find("pipeline", "made")["metadata"]["resourceVersion"])
    looked = operator.figure("tidemill_operator_reconciled_total")
    namespace.kubectl("label", "pipeline", "made", "looked=at")
    wait_until(lambda: operator.figure("tidemill_operator_reconciled_total") > looked, 30, "it to be looked at")
    assert operator.figure(written) == before[0]
