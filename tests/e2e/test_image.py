"""The image of Tidemill, made of the programs under test, in a pod at the restricted security level."""

import pytest

from harness.cluster import CHART, TIDEMILL


@pytest.mark.parametrize("program", ["tidemill", "tidemill-operator", "tidemill-worker", "kubectl-tidemill"])
def test_every_program_starts(loaded, namespace, program):
    namespace.start(program, program, "--version", image=TIDEMILL)
    namespace.wait_for_phase(program, "Succeeded")
    assert namespace.kubectl("logs", program).split()[-1] == TIDEMILL.split(":")[1]


def test_there_is_no_shell(loaded, namespace):
    namespace.start("shell", "sh", image=TIDEMILL)
    namespace.wait_for_phase("shell", "Failed")


def test_the_chart_installs_it_and_finds_it_well(loaded, namespace):
    namespace.load_busybox()
    namespace.helm("install", "tidemill", str(CHART), "--take-ownership", "--force-conflicts", "--wait", "--timeout", "90s")
    namespace.helm("test", "tidemill", "--timeout", "90s")
    namespace.helm("uninstall", "tidemill", "--wait")
