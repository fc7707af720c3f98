"""The README's one command for a cluster: an example runs in Kubernetes, from the programs' sources on."""

import json
import os
import subprocess

import pytest

from harness.manifests import ROOT
from harness.tidemill import find_binary

COMMAND = str(ROOT / "examples" / "in-kubernetes")


@pytest.mark.timeout(600)
def test_one_command_brings_rows_and_one_takes_it_all_away(cluster, definitions, tmp_path):
    if not cluster.own:
        pytest.skip("it is for the fixture's cluster")
    built = find_binary().parent
    if built.name != "debug":
        pytest.skip("it builds for itself, and these programs are not where it would")
    environment = os.environ | {"CARGO_TARGET_DIR": str(built.parent)}
    environment.pop("KUBECONFIG", None)
    try:
        done = subprocess.run([COMMAND], env=environment, capture_output=True, text=True, timeout=400)
        print(done.stdout)
        assert done.returncode == 0, done.stderr
        rows = done.stdout.split("fraud-alerts:\n")[1].splitlines()
        assert json.loads(rows[0])["alert_type"] == "HIGH_ACTIVITY"
    finally:
        away = subprocess.run([COMMAND, "--down"], env=environment, capture_output=True, text=True, timeout=180)
    assert away.returncode == 0, away.stderr
    assert cluster.get("pipelines", "--all-namespaces")["items"] == []
    assert not cluster.find("namespace", "tidemill-system")
