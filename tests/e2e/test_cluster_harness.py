"""The cluster that the tests stand on: pods run in it, find each other and the machine's Kafka, and nothing beyond the machine."""

from urllib.parse import urlsplit

import pytest

from harness.cluster import BUSYBOX, Refused
from harness.waiting import wait_until


@pytest.fixture(scope="module")
def here(cluster, session_tag):
    cluster.load_busybox()
    with cluster.new_namespace(f"cluster-{session_tag}") as namespace:
        namespace.run("shell", "sleep", "600")
        yield namespace


def in_pod(here, *command: str) -> str:
    return here.kubectl("exec", "shell", "--", *command)


def resolves(here, name: str) -> bool:
    try:
        return "Address" in in_pod(here, "nslookup", "-type=a", name).split(name, 1)[-1]
    except Refused:
        return False


def connects(here, host: str, port: int) -> bool:
    """Whether a server answers a pod there."""
    return in_pod(here, "sh", "-c", f"nc -w 5 {host} {port} -e true && echo yes || echo no").strip() == "yes"


def test_the_node_is_ready(cluster):
    conditions = cluster.get("nodes")["items"][0]["status"]["conditions"]
    assert {"type": "Ready", "status": "True"}.items() <= next(c for c in conditions if c["type"] == "Ready").items()


def test_pods_reach_the_machines_kafka_and_so_does_the_machine(here, broker):
    address = urlsplit(f"//{broker.address('host')}")
    assert connects(here, address.hostname, address.port)
    here.publish_host("kafka", address.port)
    wait_until(lambda: resolves(here, f"kafka.{here.namespace}.svc.cluster.local"), 30, "the name of a service to resolve")
    assert connects(here, "kafka", address.port)


def test_pods_find_the_api_server_by_name(here):
    assert resolves(here, "kubernetes.default.svc.cluster.local")
    assert not resolves(here, "nobody.default.svc.cluster.local")


def test_pods_do_not_reach_beyond_the_machine(here):
    assert not connects(here, "192.0.2.1", 80)


def test_a_deleted_pod_is_gone_and_a_new_one_of_its_name_is_another(here):
    here.run("passing", "sleep", "600")
    before = here.get("pod", "passing")["metadata"]["uid"]
    here.kubectl("delete", "pod", "passing")
    here.run("passing", "sh", "-c", "echo back; exec sleep 600")
    assert here.get("pod", "passing")["metadata"]["uid"] != before
    assert here.kubectl("logs", "passing") == "back\n"


def test_a_pod_above_the_restricted_level_is_not_let_in(here):
    bare = {"containers": [{"name": "main", "image": BUSYBOX}]}
    with pytest.raises(Refused, match="violates PodSecurity"):
        here.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": bare})


def test_the_api_server_comes_back_with_what_it_knew(here):
    if not here.own:
        pytest.skip("this cluster is somebody else's")
    before = here.get("pod", "shell")["metadata"]["uid"]
    here.stop_server("kube-apiserver")
    with pytest.raises(Refused, match="refused"):
        here.get("pod", "shell")
    here.start_servers()
    assert here.get("pod", "shell")["metadata"]["uid"] == before
