"""Fixtures of the end-to-end tests."""

import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from harness.broker import Broker
from harness.cluster import ROOT, Cluster, find_tools, put_cluster_away, start_cluster
from harness.kafka import Kafka
from harness.operator import Operator
from harness.tidemill import Tidemill, find_binary

TAGS = itertools.count(1)

# It takes as long as one likes: tests/endure says how long.
collect_ignore = [] if "TIDEMILL_TEST_MINUTES" in os.environ else ["test_endurance.py"]


def pytest_configure(config):
    # Being told to end is a reason to clean up, not to leave things running.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def pytest_collection_finish(session):
    # Before the first test, so that building and starting a cluster is on no test's time; and only if one asks for it.
    asked = {fixture for item in session.items for fixture in item.fixturenames}
    if session.config.option.collectonly or not asked & {"tools", "cluster"}:
        return
    find_tools()
    if "cluster" in asked and "KUBECONFIG" not in os.environ:
        session.config.add_cleanup(put_cluster_away)
        start_cluster()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed and "tidemill" in item.funcargs:
        for run in item.funcargs["tidemill"].runs[-4:]:
            report.sections.append((f"end of the log of {run}", run.tail()))
    return report


@pytest.fixture(scope="session")
def kafka() -> Kafka:
    """A Kafka to test with."""
    address = os.environ.get("TIDEMILL_TEST_KAFKA")
    assert address, "TIDEMILL_TEST_KAFKA names no Kafka; tests/run starts one"
    return Kafka(address)


@pytest.fixture
def tidemill(request, tmp_path):
    """The program under test; whatever is started with it is gone after the test."""
    logs = Path(os.environ.get("TIDEMILL_TEST_LOGS", tmp_path)) / request.node.name
    logs.mkdir(parents=True, exist_ok=True)
    tidemill = Tidemill(find_binary(), logs)
    yield tidemill
    tidemill.put_away()


@pytest.fixture
def tag(session_tag) -> str:
    """A name that no topic, group or namespace has yet."""
    return f"{session_tag}-{next(TAGS)}"


@pytest.fixture(scope="session")
def session_tag() -> str:
    """What all names of one run begin with."""
    return f"{int(time.time()):x}{os.getpid():x}"


@pytest.fixture(scope="session")
def tools():
    """kubectl and helm are on the PATH."""


@pytest.fixture(scope="session")
def cluster(tools) -> Cluster:
    """A Kubernetes to test with: the one that KUBECONFIG names, or else the fixture's."""
    return Cluster(os.environ["KUBECONFIG"])


@pytest.fixture(scope="session")
def definitions(cluster) -> Cluster:
    """The cluster, knowing Pipelines, AlertRules and Sinks."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(ROOT / "crds" / "yaml"))
    cluster.kubectl("wait", "--for=condition=Established", "--filename", str(ROOT / "crds" / "yaml"), "--timeout=60s")
    return cluster


@pytest.fixture
def namespace(definitions, tag):
    """A namespace of the test's own, gone with all in it afterwards."""
    with definitions.new_namespace(f"test-{tag}") as namespace:
        yield namespace


@pytest.fixture(scope="module")
def broker(cluster, tmp_path_factory):
    """A Kafka that pods and the operator reach at the same address."""
    broker = Broker(tmp_path_factory.mktemp("broker"), host=cluster.host_address()).start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def loaded(cluster) -> Cluster:
    """The cluster, having Tidemill's image."""
    cluster.load_tidemill(find_binary().parent)
    return cluster


@pytest.fixture
def operator(loaded, broker, namespace, tmp_path):
    """An operator that looks after the test's namespace; its workers reach the broker."""
    operator = Operator(namespace, tmp_path / "operator.log")
    operator.start()
    yield operator
    # Pipelines go while there is somebody to take their finalizers off.
    namespace.kubectl("delete", "pipelines", "--all", "--timeout", "150s", limit=160)
    operator.run.kill()


@pytest.fixture(scope="session")
def records() -> int:
    """How many records a test of exactness takes."""
    return int(os.environ.get("TIDEMILL_TEST_RECORDS", "200000"))


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of everything random; name it in TIDEMILL_TEST_SEED to see a failure again."""
    seed = int(os.environ.get("TIDEMILL_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"TIDEMILL_TEST_SEED={seed}")
    return seed
