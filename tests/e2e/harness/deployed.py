"""A Pipeline in a cluster: applied, watched, disturbed, and in the end compared with what its SQL means."""

import copy
import os
import signal
from pathlib import Path

import yaml

from harness.cluster import Cluster
from harness.manifests import Example
from harness.waiting import wait_until

CONDITIONS = ("Accepted", "ResolvedRefs", "Ready", "SourceReachable", "SinksReachable")


class Deployed:
    """An example that is applied to a namespace."""

    def __init__(self, namespace: Cluster, example: Example, bootstrap: str, secret: str | None = None, **spec):
        self.namespace = namespace
        self.example = example
        self.name = example.name
        self.pipeline = copy.deepcopy(example.pipeline)
        self.pipeline["metadata"]["namespace"] = namespace.namespace
        kafka = {"bootstrapServers": bootstrap} | ({"auth": {"secretRef": {"name": secret}}} if secret else {})
        self.pipeline["spec"] |= {"kafka": kafka, **spec}
        metadata = lambda name: {"name": name, "namespace": namespace.namespace}
        self.sinks = [
            {"apiVersion": self.pipeline["apiVersion"], "kind": "Sink", "metadata": metadata(name), "spec": sink}
            for name, sink in example.sinks.items()
        ]
        namespace.apply(*self.sinks, self.pipeline)

    def patch(self, **spec):
        """Changes fields of the Pipeline's spec."""
        self.namespace.kubectl("patch", "pipeline", self.name, "--type=merge", "--patch", yaml.safe_dump({"spec": spec}))

    def scale(self, workers: int):
        """`kubectl scale`."""
        self.namespace.kubectl("scale", f"pipeline/{self.name}", f"--replicas={workers}")

    def pods(self) -> dict[str, bool]:
        """Its worker pods that are not on their way out, and whether each is ready."""
        found = self.namespace.get("pods", "--selector", f"app.kubernetes.io/instance={self.name}")["items"]
        ready = lambda pod: any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
        return {pod["metadata"]["name"]: ready(pod) for pod in found if "deletionTimestamp" not in pod["metadata"]}

    def status(self) -> dict:
        return self.namespace.get("pipeline", self.name).get("status", {})

    def wait_until_well(self, workers: int, limit: float):
        """Waits until all conditions are true for the manifest as it is, with so many workers and no other pods."""

        def well() -> bool:
            it = self.namespace.get("pipeline", self.name)
            status = it.get("status", {})
            true = {c["type"] for c in status.get("conditions", []) if c["status"] == "True"}
            current = status.get("observedGeneration") == it["metadata"]["generation"]
            return current and true >= set(CONDITIONS) and list(self.pods().values()) == [True] * workers

        try:
            wait_until(well, limit, f"{self.name} to be well with {workers} workers", pause=0.3)
        except TimeoutError as error:
            pods = self.namespace.kubectl("get", "pods", "--output", "wide")
            raise TimeoutError(f"{error}; its status: {yaml.safe_dump(self.status())}\n{pods}") from None

    def kill_in_container(self, pod: str):
        """SIGKILL for the worker in a pod of the fixture's cluster, whose node is this machine."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes().split(b"\0")
                name = (process / "comm").read_text().strip()
            except OSError:
                continue
            if name == "tidemill-worker" and f"POD_NAME={pod}".encode() in environment:
                os.kill(int(process.name), signal.SIGKILL)
                return
        raise LookupError(f"no worker runs for the pod {pod}")

    def write(self, folder: Path) -> Path:
        """Writes its manifests to a folder, for `tidemill run` to go on where the workers stopped."""
        folder.mkdir(parents=True)
        running = copy.deepcopy(self.pipeline)
        running["spec"].pop("suspend", None)
        (folder / "manifests.yaml").write_text(yaml.safe_dump_all([running, *self.sinks], sort_keys=False))
        return folder
