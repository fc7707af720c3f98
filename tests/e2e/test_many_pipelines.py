"""Many Pipelines, some of them malformed: what is wrong with one is no matter of the others, and nothing is tried again and again."""

import copy
import os
import re
import time

import pytest
import yaml

from harness import footprint
from harness.cluster import ROOT, Cluster, Refused
from harness.operator import Operator
from harness.refusals import changed
from harness.waiting import wait_until

GOOD = int(os.environ.get("TIDEMILL_TEST_PIPELINES", "40"))
MADE = ["serviceaccount", "configmap", "deployment", "service", "poddisruptionbudget", "networkpolicy"]
QUIET = 60  # seconds in which hardly anything is asked of the API server
# The definitions as one version of long ago might have had them: anything goes.
LOOSE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
# Wrong in ways that `kubectl apply` lets through, and what they are said to be.
REFUSED = {
    "unknown-column": ({"streams[0].sql": "SELECT amuont FROM payments"}, "Invalid"),
    "no-kafka": ({"kafka": None}, "Invalid"),
    "no-sink": ({"outputs[0].sink": "nothing"}, "SinkNotFound"),
    "no-secret": ({"kafka.auth": {"secretRef": {"name": "nothing"}}}, "SecretNotFound"),
    "not-applied": ({"worker": {"tolerations": [{"key": "a", "operator": "Sometimes"}]}}, "NotApplied"),
}
# Wrong in ways that only an older definition could have let through.
STORED = {
    "duration-of-old": ({"commitInterval": "5"}, "spec.commitInterval"),
    "no-sources": ({"sources": None}, "spec.sources"),
    "type-of-old": ({"sources[0].columns[1].type": "VARCHAR"}, "spec.sources[0].columns[1].type"),
}
# Of types that rules of the definitions do not expect: the API server takes no status for them. An event says what is wrong.
MUTE = {
    "number-for-duration": ({"commitInterval": 5}, "spec.commitInterval"),
    "sources-text": ({"sources": "payments"}, "spec.sources"),
}


@pytest.fixture
def operator(namespace, tmp_path):
    operator = Operator(namespace, tmp_path / "operator.log")
    operator.start()
    yield operator
    operator.run.kill()


def pipelines(changes: dict[str, tuple[dict, str]]) -> list[dict]:
    """The good manifest with these changes; nothing listens where its Kafka should be."""
    return [changed("Pipeline", name, change, "127.0.0.1:1") for name, (change, _) in changes.items()]


def store(namespace: Cluster, *objects: dict):
    """Has the API server take manifests as if its definition of a Pipeline were an old one."""
    definition = yaml.safe_load((ROOT / "crds" / "yaml" / "pipelines.yaml").read_text())
    loose = copy.deepcopy(definition)
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = LOOSE
    replace = lambda it: namespace.kubectl("replace", "--filename", "-", stdin=yaml.safe_dump(it))
    try:
        replace(loose)
        # It takes a moment until the API server goes by it.
        wait_until(lambda: taken(namespace, *objects), 30, "the old definition to be in force", pause=0.5)
    finally:
        replace(definition)
    refused = changed("Pipeline", "refused-again", {"commitInterval": 5}, "127.0.0.1:1")
    wait_until(lambda: not taken(namespace, refused, options=("--dry-run=server",)), 30, "the definition to be in force", pause=0.5)


def taken(namespace: Cluster, *objects: dict, options: tuple[str, ...] = ()) -> bool:
    try:
        namespace.apply(*objects, options=("--validate=ignore", *options))
    except Refused:
        return False
    return True


def false_reasons(namespace: Cluster) -> dict[str, dict[str, str]]:
    """Of each Pipeline, the messages of the conditions that are not true, by their reasons."""
    found = namespace.get("pipelines")["items"]
    conditions = {it["metadata"]["name"]: it.get("status", {}).get("conditions", []) for it in found}
    return {name: {c["reason"]: c["message"] for c in all if c["status"] == "False"} for name, all in conditions.items()}


def wait_for_reasons(namespace: Cluster, wanted: dict[str, str]) -> dict[str, dict[str, str]]:
    """Waits until each Pipeline has a condition that is false for this reason."""
    said: dict[str, dict[str, str]] = {}

    def all_said() -> bool:
        said.update(false_reasons(namespace))
        return all(reason in said.get(name, {}) for name, reason in wanted.items())

    try:
        wait_until(all_said, 90, "all refusals", pause=1)
    except TimeoutError as error:
        missing = {name: said.get(name) for name, reason in wanted.items() if reason not in said.get(name, {})}
        raise TimeoutError(f"{error}; others are said of {missing}") from None
    return said


def warnings(namespace: Cluster, name: str) -> list[dict]:
    """The events that call a Pipeline malformed."""
    found = namespace.get("events")["items"]
    return [it for it in found if (it["involvedObject"]["name"], it["reason"], it["type"]) == (name, "Malformed", "Warning")]


def requests(namespace: Cluster) -> int:
    """How many requests the API server has answered about what the operator looks after, other than watches."""
    resources = "pipelines|sinks|alertrules|deployments|configmaps|services|serviceaccounts|poddisruptionbudgets|networkpolicies|secrets|pods|events"
    page = namespace.kubectl("get", "--raw", "/metrics")
    lines = [line for line in page.splitlines() if re.match(rf'apiserver_request_total{{.*resource="({resources})"', line)]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if 'verb="WATCH"' not in line)


@pytest.mark.timeout(900)
def test_what_is_wrong_with_some_is_no_matter_of_the_others(operator, namespace):
    begun = time.monotonic()
    good = {f"good-{i}": ({}, "") for i in range(GOOD)}
    store(namespace, *pipelines(STORED | MUTE))
    namespace.apply(changed("Sink", "large", {}, ""), *pipelines(REFUSED), *pipelines(good), options=("--server-side",))

    wanted = {name: reason for name, (_, reason) in REFUSED.items()} | {name: "Malformed" for name in STORED}
    said = wait_for_reasons(namespace, wanted)
    for name, (_, field) in STORED.items():
        assert f"{field}: " in said[name]["Malformed"], said[name]
    for name in MUTE:
        wait_until(lambda name=name: warnings(namespace, name), 30, f"an event about {name}")

    ready = lambda name: namespace.condition("pipeline", name, "Ready").get("status") == "True"
    wait_until(lambda: all(map(ready, good)), 90, "all others to be ready", pause=1)
    print(f"{len(good)} good Pipelines were ready after {time.monotonic() - begun:.1f} s; the operator: {operator_cost()}")
    made = {(it["kind"].lower(), it["metadata"]["name"]) for it in namespace.get(",".join(MADE))["items"]}
    assert {(kind, f"{name}-worker") for kind in MADE for name in good} <= made
    assert not {name for _, name in made} & {f"{name}-worker" for name in [*STORED, *MUTE, *REFUSED] if name != "not-applied"}

    wait_until(lambda: asked(namespace, 10) < 10, 180, "the cluster to come to rest", pause=0)
    writes = operator.figure("tidemill_operator_status_writes_total")
    before = operator_cost()
    in_quiet = asked(namespace, QUIET)
    print(f"the operator: {before} before these {QUIET} s, {operator_cost()} after")
    print(f"{in_quiet} requests in {QUIET} s about {len(good)} good Pipelines and {len(REFUSED) + len(STORED) + len(MUTE)} others")
    # What cannot be applied is tried again every minute or two.
    assert in_quiet <= 30
    assert operator.figure("tidemill_operator_status_writes_total") == writes
    for name, (_, field) in MUTE.items():
        (warning,) = warnings(namespace, name)
        assert f"{field}: " in warning["message"] and not warning.get("series"), warning


def operator_cost() -> footprint.Footprint:
    (cost,) = footprint.of_program("tidemill-operator")
    return cost


def asked(namespace: Cluster, seconds: float) -> int:
    """How many requests come in a stretch of time."""
    before = requests(namespace)
    time.sleep(seconds)
    return requests(namespace) - before
