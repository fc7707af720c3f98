"""A cluster in which nothing happens: twenty Pipelines are Ready, and nobody is asked or told anything about them."""

import re
import time

import pytest

from harness import footprint
from harness.broker import Broker
from harness.cluster import Cluster
from harness.waiting import wait_until

PIPELINES = [f"quiet-{n}" for n in range(20)]
QUIET = 300  # seconds
WRITTEN = "tidemill_operator_status_writes_total"
MOST_REQUESTS = 12  # a watch ends and begins anew every five to ten minutes: the operator's three, and the cluster's own


def pipeline(name: str, broker: Broker) -> dict:
    """One that has read all there is."""
    generator = {"kind": "Transactions", "rate": 0, "records": 100, "partitions": 1}
    spec = {
        "kafka": {"bootstrapServers": broker.address("host")},
        "sources": [{"name": "payments", "generator": generator}],
        "streams": [{"name": "all", "sql": "SELECT account, amount FROM payments"}],
        "outputs": [{"from": "all", "sink": "all"}],
    }
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": "Pipeline", "metadata": {"name": name}, "spec": spec}


def versions(namespace: Cluster) -> dict[str, str]:
    return {p["metadata"]["name"]: p["metadata"]["resourceVersion"] for p in namespace.get("pipelines")["items"]}


def requests(cluster: Cluster) -> dict[tuple[str, str], int]:
    """How often the API server was asked about what the operator looks after or makes, by verb and resource."""
    counts: dict[tuple[str, str], int] = {}
    for labels, count in re.findall(r"^apiserver_request_total\{(.*)\} (\S+)$", cluster.kubectl("get", "--raw", "/metrics"), re.M):
        label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if label["group"] == "tidemill.io":
            what = (label["verb"], label["resource"])
            counts[what] = counts.get(what, 0) + int(float(count))
    return counts


@pytest.mark.timeout(1200)
def test_twenty_pipelines_at_rest_cost_nothing(cluster, operator, namespace, broker):
    sink = {"apiVersion": "tidemill.io/v1alpha1", "kind": "Sink", "metadata": {"name": "all"}, "spec": {"kafka": {"topic": "all"}}}
    namespace.apply(sink, *(pipeline(name, broker) for name in PIPELINES))
    for name in PIPELINES:
        namespace.wait_for_condition("pipeline", name, "Ready", limit=180)
        namespace.wait_for_condition("pipeline", name, "Flowing", reason="Idle", limit=120)

    def at_rest() -> bool:
        before = versions(namespace)
        time.sleep(35)  # figures are written at most every 30 seconds
        return versions(namespace) == before

    wait_until(at_rest, 240, "the last figures to be written")
    before, written, asked = versions(namespace), operator.figure(WRITTEN), requests(cluster)
    time.sleep(QUIET)
    after = requests(cluster)
    more = {what: count - asked.get(what, 0) for what, count in after.items() if count > asked.get(what, 0)}
    print(f"about Pipelines, AlertRules and Sinks, in {QUIET} s: {more}")
    (cost,) = footprint.of_program("tidemill-operator")
    workers = sorted(footprint.of_program("tidemill-worker"), key=lambda it: it.resident)
    print(f"the operator: {cost}; the least of {len(workers)} workers: {workers[:1]}, the most: {workers[-1:]}")
    assert operator.figure(WRITTEN) == written
    assert versions(namespace) == before
    assert sum(more.values()) <= MOST_REQUESTS, more
