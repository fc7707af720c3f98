"""A Kubernetes cluster: what is in it, by kubectl; namespaces that go with the test; images; the chart, by helm."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import yaml

from harness.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
FIXTURE = ROOT / "tests" / "fixtures" / "kubernetes"
CHART = ROOT / "helm" / "tidemill"
BUSYBOX = "busybox:1.37"
TIDEMILL = "tidemill:" + yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]


class Refused(Exception):
    """A command did not succeed; this is what it said."""


class Cluster:
    """The cluster that KUBECONFIG names. `in_namespace` gives it seen from one of its namespaces."""

    def __init__(self, kubeconfig: str, namespace: str = "default"):
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.env = {**os.environ, "KUBECONFIG": kubeconfig}

    def in_namespace(self, name: str) -> "Cluster":
        return Cluster(self.kubeconfig, name)

    def kubectl(self, *arguments: str, stdin: str = "", limit: float = 60) -> str:
        """What kubectl prints. Raises Refused with what it says if it fails."""
        return self.call("kubectl", "--namespace", self.namespace, *arguments, stdin=stdin, limit=limit)

    def helm(self, *arguments: str, limit: float = 120) -> str:
        """What helm prints. Raises Refused with what it says if it fails."""
        return self.call("helm", "--namespace", self.namespace, *arguments, limit=limit)

    def get(self, *arguments: str) -> dict:
        """`kubectl get` as JSON: an object, or a list with `items`."""
        return json.loads(self.kubectl("get", *arguments, "--output", "json"))

    def find(self, kind: str, name: str) -> dict | None:
        """An object, or None if there is none of that name."""
        found = self.kubectl("get", kind, name, "--ignore-not-found", "--output", "json")
        return json.loads(found) if found else None

    def apply(self, *objects: dict, options: tuple[str, ...] = ()) -> str:
        """`kubectl apply`, as a user does."""
        return self.kubectl("apply", *options, "--filename", "-", stdin=yaml.safe_dump_all(objects))

    def condition(self, kind: str, name: str, type: str) -> dict:
        """A condition of an object's status; empty if it is not there."""
        status = (self.find(kind, name) or {}).get("status", {})
        return next((c for c in status.get("conditions", []) if c["type"] == type), {})

    def wait_for_condition(self, kind: str, name: str, type: str, status: str = "True", reason: str | None = None, limit: float = 60) -> dict:
        """Waits until a condition has this status, and this reason if one is named, for the object as it is now."""

        def holds() -> dict | None:
            it = self.find(kind, name) or {}
            condition = next((c for c in it.get("status", {}).get("conditions", []) if c["type"] == type), {})
            current = condition.get("observedGeneration", it.get("metadata", {}).get("generation")) == it.get("metadata", {}).get("generation")
            right = condition.get("status") == status and reason in (None, condition.get("reason"))
            return condition if current and right else None

        try:
            return wait_until(holds, limit, f"{type}={status} of {kind}/{name}", pause=0.2)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {self.condition(kind, name, type)}") from None

    def may(self, verb: str, resource: str, account: str, namespace: str | None = None) -> bool:
        """Whether a service account (NAMESPACE:NAME) may do something to KIND.GROUP/NAME or KIND.GROUP:SUBRESOURCE; in all
        namespaces if none is named."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        what, _, subresource = resource.partition(":")
        command = ["kubectl", "auth", "can-i", verb, what, "--subresource", subresource, *where, "--as", f"system:serviceaccount:{account}"]
        answer = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60)
        said = answer.stdout.strip().split(" ")[0]
        assert said in ("yes", "no"), f"{' '.join(command)}: {answer.stdout}{answer.stderr}"
        return said == "yes"

    @contextmanager
    def new_namespace(self, name: str, limit: float = 120) -> Iterator["Cluster"]:
        """A namespace where only pods at the restricted security level are let in; gone, with all in it, afterwards."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        try:
            yield self.in_namespace(name)
        finally:
            self.kubectl("delete", "namespace", name, "--timeout", f"{limit:.0f}s", limit=limit + 10)

    def start(self, name: str, *command: str, image: str):
        """Starts a pod that runs a command, at the restricted security level."""
        restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        container = {"name": "main", "image": image, "command": list(command), "imagePullPolicy": "Never", "securityContext": restricted}
        account = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
        spec = {"containers": [container], "securityContext": account, "restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec})

    def wait_for_phase(self, name: str, phase: str, limit: float = 60):
        """Waits until a pod is Running, Succeeded or Failed."""
        wait_until(lambda: self.get("pod", name)["status"].get("phase") == phase, limit, f"pod {name} to be {phase}", pause=0.2)

    def run(self, name: str, *command: str):
        """Starts a pod with a shell and much else in it, and returns when it runs."""
        self.start(name, *command, image=BUSYBOX)
        self.wait_for_phase(name, "Running")

    def publish_host(self, name: str, port: int, at: int | None = None):
        """A Service by which pods reach a port of this machine, under the same number or another."""
        self.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": at or port, "targetPort": port}]}},
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "ports": [{"port": port}],
                "endpoints": [{"addresses": [self.host_address()]}],
            },
        )

    @property
    def own(self) -> bool:
        """Whether it is the fixture's, whose node is this machine."""
        return self.kubeconfig == self.call(str(FIXTURE / "cluster.sh"), "kubeconfig").strip()

    def host_address(self) -> str:
        """The address at which pods reach servers on this machine."""
        return os.environ.get("TIDEMILL_TEST_HOST") or self.call(str(FIXTURE / "cluster.sh"), "address").strip()

    def stop_server(self, name: str):
        """Stops one of the fixture's servers, such as kube-apiserver."""
        self.call(str(FIXTURE / "cluster.sh"), "stop", name)

    def start_servers(self):
        """Starts again what is stopped of the fixture's servers."""
        self.call(str(FIXTURE / "cluster.sh"), "up", limit=240)

    def load_busybox(self):
        """Gives the fixture's node the image BUSYBOX. Another cluster must have it."""
        if self.own:
            self.call(str(FIXTURE / "image.sh"), "-b", BUSYBOX)

    def load_tidemill(self, built: Path):
        """Gives the fixture's node the image TIDEMILL, of the programs in this folder. Another cluster must have it."""
        if self.own:
            self.call(str(FIXTURE / "tidemill-image.sh"), str(built), TIDEMILL, limit=300)

    def call(self, *command: str, stdin: str = "", limit: float = 60) -> str:
        done = subprocess.run(command, env=self.env, input=stdin, capture_output=True, text=True, timeout=limit)
        if done.returncode != 0:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout


def find_tools():
    """Puts kubectl and helm on the PATH; those of the fixture, unless there is another cluster and tools for it."""
    if "KUBECONFIG" in os.environ and which("kubectl") and which("helm"):
        return
    subprocess.run([FIXTURE / "cluster.sh", "build"], check=True)
    tools = subprocess.run([FIXTURE / "cluster.sh", "bin"], check=True, capture_output=True, text=True).stdout.strip()
    os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"


def start_cluster():
    """Starts the fixture's cluster, with nothing in it, and has KUBECONFIG name it."""
    put_cluster_away()
    started = subprocess.run([FIXTURE / "cluster.sh", "up"], check=True, stdout=subprocess.PIPE, text=True)
    os.environ["KUBECONFIG"] = started.stdout.strip()


def put_cluster_away():
    """Takes the fixture's cluster away, with all that is in it."""
    subprocess.run([FIXTURE / "cluster.sh", "down"], check=True)
