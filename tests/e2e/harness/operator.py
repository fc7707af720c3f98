"""The operator, as a process beside the cluster."""

import os
import re
import urllib.request

from harness.cluster import TIDEMILL, Cluster
from harness.tidemill import Run, find_binary


class Operator:
    """An operator that looks after one namespace."""

    def __init__(self, namespace: Cluster, log, name: str = "operator", port: int = 18099):
        self.namespace, self.log, self.name, self.address, self.run = namespace, log, name, f"127.0.0.1:{port}", None

    def start(self):
        name = self.namespace.namespace
        settings = {
            "KUBECONFIG": self.namespace.kubeconfig,
            "TIDEMILL_WATCH_NAMESPACES": name,
            "POD_NAMESPACE": name,
            "POD_NAME": self.name,
            "TIDEMILL_LISTEN": self.address,
            "TIDEMILL_WORKER_IMAGE": TIDEMILL,
        }
        os.environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
        command = [str(find_binary().parent / "tidemill-operator")]
        self.run = Run(["env", *(f"{key}={value}" for key, value in settings.items()), *command], self.log)

    def figure(self, name: str) -> float:
        """The sum of a metric over its labels."""
        page = urllib.request.urlopen(f"http://{self.address}/metrics", timeout=5).read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.M))
