"""The chart, as helm renders it."""

import subprocess
import tempfile
from pathlib import Path

import yaml

from harness.cluster import CHART, Refused


def helm(*arguments: str, values: dict | None = None) -> str:
    """What helm prints, given these values. Raises Refused with what it says if it fails."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        command = ["helm", *arguments, "--values", file.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or done.stdout.strip())
    return done.stdout


class Rendered:
    """What the chart makes of some values."""

    def __init__(self, values: dict | None = None, release: str = "tidemill", namespace: str = "operators", chart: Path = CHART):
        text = helm("template", release, str(chart), "--namespace", namespace, values=values)
        self.objects = [it for it in yaml.safe_load_all(text) if it]

    def all(self, kind: str) -> list[dict]:
        return [it for it in self.objects if it["kind"] == kind]

    def one(self, kind: str) -> dict:
        found = self.all(kind)
        assert len(found) == 1, f"{len(found)} objects are a {kind}"
        return found[0]

    @property
    def pod(self) -> dict:
        """The template of the operator's pods."""
        return self.one("Deployment")["spec"]["template"]

    @property
    def env(self) -> dict:
        """What the operator is told by its environment; None where it is looked up."""
        return {it["name"]: it.get("value") for it in self.pod["spec"]["containers"][0]["env"]}
