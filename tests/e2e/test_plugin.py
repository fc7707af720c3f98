"""kubectl's plug-in, in a real cluster: `kubectl tidemill` shows, reads, stops and starts what runs, and says beforehand what
an edit would meet."""

import json
import os
import subprocess

import pytest
import yaml

from harness.cluster import Cluster
from harness.tidemill import Run, find_binary
from harness.waiting import wait_until

SQL = "SELECT account, sum(amount) AS total, window_start FROM TUMBLE(payments, ts, INTERVAL '10' SECOND) GROUP BY account, window_start"


class Plugin:
    """`kubectl tidemill`, seen from a namespace."""

    def __init__(self, namespace: Cluster, folder):
        # As the README has it.
        (folder / "kubectl-tidemill").symlink_to(find_binary())
        self.namespace = namespace
        self.env = {**namespace.env, "PATH": f"{folder}:{os.environ['PATH']}"}

    def call(self, *arguments: str, kubeconfig: str | None = None, limit: float = 60) -> tuple[int, str, str]:
        """Its exit status and what it prints to standard output and standard error."""
        env = self.env | ({"KUBECONFIG": kubeconfig} if kubeconfig else {})
        command = ["kubectl", "tidemill", *arguments, "--namespace", self.namespace.namespace]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=limit)
        return done.returncode, done.stdout, done.stderr

    def output(self, *arguments: str, limit: float = 60) -> str:
        """What it prints if it succeeds."""
        status, out, err = self.call(*arguments, limit=limit)
        assert status == 0, f"kubectl tidemill {' '.join(arguments)} ended with {status}: {out}{err}"
        return out + err

    def refused(self, *arguments: str, kubeconfig: str | None = None) -> str:
        """What it says if it fails, as it should."""
        status, out, err = self.call(*arguments, kubeconfig=kubeconfig)
        assert (status, out) == (1, ""), f"kubectl tidemill {' '.join(arguments)} ended with {status}: {out}{err}"
        return err


@pytest.fixture
def plugin(namespace, tmp_path) -> Plugin:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Plugin(namespace, folder)


def resource(kind: str, name: str, **spec) -> dict:
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def pipeline(bootstrap: str, name: str = "payments", sql: str = SQL, **spec) -> dict:
    """Payments that are made up, summed by account."""
    generator = {"kind": "Transactions", "rate": 500, "accounts": 100, "partitions": 4}
    source = {"name": "payments", "generator": generator, "eventTime": {"column": "ts"}, "partitionedBy": ["account"]}
    base = {
        "kafka": {"bootstrapServers": bootstrap},
        "sources": [source],
        "streams": [{"name": "spend", "sql": sql}],
        "outputs": [{"from": "spend", "sink": "spend"}],
    }
    return resource("Pipeline", name, **{**base, **spec})


def kubeconfig(folder, namespace: Cluster, **changes) -> str:
    """The cluster's kubeconfig with other users or clusters."""
    config = yaml.safe_load(open(namespace.kubeconfig))
    for part, change in changes.items():
        config[part] = [it | change(it) for it in config[part]]
    file = folder / f"kubeconfig-{'-'.join(changes)}"
    file.write_text(yaml.safe_dump(config))
    return str(file)


def token(namespace: Cluster) -> dict:
    """A user without rights, but for those that are given to the namespace's account."""
    return {"token": namespace.kubectl("create", "token", "default").strip()}


def write(folder, *objects: dict) -> str:
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(objects, sort_keys=False))
    return str(file)


def test_what_cannot_be_shown_says_why_and_what_to_do(plugin, namespace, tmp_path):
    namespace.apply(pipeline("kafka:9092", deletionPolicy="Retain"))
    assert "hint: did you mean `payments`?" in plugin.refused("status", "paymnets")
    assert plugin.refused("suspend", "paymnets").startswith(f"error: there is no Pipeline `paymnets` in the namespace {namespace.namespace}\n")
    # No operator looks after this namespace.
    assert "no operator has looked at it yet" in plugin.output("status", "payments")
    error = plugin.refused("suspend", "payments", "--timeout", "1s")
    assert "not suspended within 1s: waiting for the operator" in error
    assert namespace.find("pipeline", "payments")["spec"]["suspend"] is True
    assert "spec.suspend is false" in plugin.output("resume", "payments", "--wait=false")

    nobody = kubeconfig(tmp_path, namespace, users=lambda user: {"user": token(namespace)})
    elsewhere = kubeconfig(tmp_path, namespace, clusters=lambda it: {"cluster": {"server": "https://127.0.0.1:1"}})
    assert 'you may not do this: pipelines.tidemill.io "payments" is forbidden' in plugin.refused("status", "payments", kubeconfig=nobody)
    assert "the cluster at https://127.0.0.1:1/ does not answer" in plugin.refused("status", "payments", kubeconfig=elsewhere)
    assert "no cluster is named" in plugin.refused("status", "payments", kubeconfig=str(tmp_path / "none"))
    assert "there is no context `other`" in plugin.refused("status", "payments", "--context", "other")


def test_manifests_are_held_against_what_is_in_the_cluster(plugin, namespace, tmp_path):
    manifests = write(
        tmp_path,
        pipeline("kafka:9092", kafka={"bootstrapServers": "kafka:9092", "auth": {"secretRef": {"name": "kafka-user"}}}),
        resource("AlertRule", "big", pipelineRef={"name": "paymnets"}, stream="spend", when="total > 5", mode="Disabled"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"not a key": "x"}},
    )
    said = plugin.refused("validate", manifests, "--against", "cluster")
    assert "spec.outputs[0].sink: there is no Sink `spend`" in said
    assert "spec.kafka.auth.secretRef: there is no Secret `kafka-user`" in said
    assert "spec.pipelineRef.name: there is no Pipeline `paymnets`" in said and "did you mean `payments`?" in said
    assert 'data: the cluster refuses it: Invalid value: "not a key"' in said
    assert said.count(f"{manifests}:") == 4 and "error: 4 problems" in said

    namespace.apply(resource("Sink", "spend", stdout={}))
    namespace.kubectl("create", "secret", "generic", "kafka-user", "--from-literal=password=x")
    manifests = write(tmp_path, pipeline("kafka:9092", kafka={"bootstrapServers": "kafka:9092", "auth": {"secretRef": {"name": "kafka-user"}}}))
    assert "nothing wrong, and the cluster would take them" in plugin.output("validate", manifests, "--against", "cluster")
    assert namespace.find("pipeline", "payments") is None, "nothing is changed"


def test_what_runs_is_shown_read_stopped_and_started(operator, plugin, namespace, broker, tmp_path):
    # A worker that has nothing to complain of writes nothing but such rows.
    outputs = [{"from": "spend", "sink": "spend"}, {"from": "spend", "sink": "console"}]
    made = pipeline(broker.address("host"), workers=2, outputs=outputs)
    sinks = (resource("Sink", "spend", kafka={"topic": f"spend-{namespace.namespace}"}), resource("Sink", "console", stdout={}))
    namespace.apply(*sinks, made)
    namespace.wait_for_condition("pipeline", "payments", "Ready")

    def workers() -> set[str]:
        """The short names of those that stay."""
        pods = [pod["metadata"] for pod in namespace.get("pods")["items"]]
        return {pod["name"].rsplit("-", 1)[1] for pod in pods if "deletionTimestamp" not in pod}

    def shown() -> dict | None:
        it = json.loads(plugin.output("status", "payments", "--output", "json"))
        return it if it["outputs"][0]["rows"] and it["sources"][0]["recordsPerSecond"] else None

    seen = wait_until(shown, 60, "rows and rates to be shown")
    assert seen["workers"]["ready"] == seen["workers"]["wanted"] == 2
    assert seen["sources"][0]["partitions"] == 4 and seen["notes"] == []
    screen = plugin.output("status", "payments")
    print(screen)
    for part in ("Ready         yes, for ", "Workers       2 of 2 ready", "generator, 500/s", "└─ spend", f"→ spend (topic spend-{namespace.namespace})", "→ console (the workers' logs)"):
        assert part in screen, screen

    # Who may not ask the workers sees what the status has.
    namespace.kubectl("create", "role", "reader", "--verb=get,list", "--resource=pipelines.tidemill.io,pods")
    namespace.kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace.namespace}:default")
    reader = kubeconfig(tmp_path, namespace, users=lambda user: {"user": token(namespace)})
    status, screen, _ = plugin.call("status", "payments", kubeconfig=reader)
    assert status == 0 and "Workers       2 of 2 ready" in screen and "└─ spend" in screen
    assert 'Note          what workers say of themselves is not shown: pods "payments-worker-' in screen, screen

    names = lambda text: [line.split()[0] for line in text.splitlines() if line.strip()]
    wait_until(lambda: workers() <= set(names(plugin.output("logs", "payments"))), 30, "rows of each worker")
    last = plugin.output("logs", "payments", "--tail", "1")
    assert workers() <= set(names(last)) and len(names(last)) == len(set(names(last))), "a line of each"
    assert all("total" in json.loads(line.split(maxsplit=1)[1]) for line in last.splitlines()), last
    follow = Run(["env", f"KUBECONFIG={namespace.kubeconfig}", str(find_binary()), "logs", "payments", "-f", "-n", namespace.namespace], tmp_path / "followed.log")
    try:
        longer = pipeline(broker.address("host"), sql=SQL.replace("'10' SECOND", "'1' MINUTE"), workers=2, outputs=outputs)
        said = plugin.refused("validate", write(tmp_path, longer), "--against", "cluster")
        assert "spec.streams[0].sql: it cannot go on from the state of what runs: stream `spend`" in said
        assert "its window: `tumbling 1m" in said and "onIncompatibleChange: Reset" in said
        assert "nothing wrong" in plugin.output("validate", write(tmp_path, made), "--against", "cluster")

        assert "suspended" in plugin.output("suspend", "payments", limit=150)
        assert namespace.condition("pipeline", "payments", "Ready")["reason"] == "Suspended"
        managers = namespace.get("pipeline", "payments", "--show-managed-fields")["metadata"]["managedFields"]
        assert "kubectl-tidemill" in [manager["manager"] for manager in managers]
        assert "suspended" in plugin.output("suspend", "payments"), "once more changes nothing"
        wait_until(lambda: namespace.get("pods")["items"] == [], 30, "the last worker to be gone")
        assert "Workers       none, as wanted" in plugin.output("status", "payments")
        assert "it is suspended" in plugin.output("logs", "payments")

        assert "2 workers run" in plugin.output("resume", "payments", limit=150)
        wait_until(lambda: workers() <= set(names(follow.log.read_text())), 40, "the new workers' lines")
    finally:
        follow.kill()
