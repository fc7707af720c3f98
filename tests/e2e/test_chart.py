"""What the chart makes of its values, and which values it refuses."""

import tomllib

import pytest
import yaml

from harness.chart import Rendered, helm
from harness.cluster import CHART, ROOT, TIDEMILL, Refused

pytestmark = pytest.mark.usefixtures("tools")

EVERYTHING = {
    "replicas": 2,
    "watchNamespaces": ["payments", "risk"],
    "image": {"repository": "registry.example/tidemill", "tag": "1.2.3", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}, {"name": "mirror"}],
    "crds": {"install": False},
    "log": "warn,tidemill_operator=debug",
    "otlpEndpoint": "http://collector.monitoring:4318",
    "resources": {"limits": {"memory": "1Gi"}},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "serviceMonitor": {"enabled": True, "interval": "10s", "labels": {"release": "prometheus"}},
    "test": {"image": "registry.example/busybox:1"},
    "global": {"of": "a chart around this one"},
}


@pytest.fixture(scope="module")
def default(tools):
    return Rendered()


@pytest.fixture(scope="module")
def everything(tools):
    return Rendered(EVERYTHING)


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_lint(values):
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), values=values)


def test_the_version_is_that_of_the_programs():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert (chart["appVersion"], chart["version"]) == (version, version)


def test_what_there_is_by_default(default):
    kinds = sorted(it["kind"] for it in default.objects)
    definitions = ["CustomResourceDefinition"] * 3
    roles = ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]  # the latter two: to lead
    assert kinds == sorted([*definitions, *roles, "Deployment", "Pod", "Service", "ServiceAccount"])


def test_the_operator_is_told_what_it_needs(default, everything):
    assert default.env == {
        "TIDEMILL_LISTEN": "0.0.0.0:8080",
        "TIDEMILL_WATCH_NAMESPACES": "",
        "TIDEMILL_WORKER_IMAGE": TIDEMILL,
        "TIDEMILL_WORKER_IMAGE_PULL_POLICY": "IfNotPresent",
        "POD_NAME": None,
        "POD_NAMESPACE": None,
        "RUST_LOG": "info",
    }
    assert default.pod["spec"]["containers"][0]["image"] == TIDEMILL
    assert everything.env == default.env | {
        "TIDEMILL_WATCH_NAMESPACES": "payments,risk",
        "TIDEMILL_WORKER_IMAGE": "registry.example/tidemill:1.2.3",
        "TIDEMILL_WORKER_IMAGE_PULL_POLICY": "Always",
        "TIDEMILL_WORKER_IMAGE_PULL_SECRETS": "registry,mirror",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.monitoring:4318",
        "RUST_LOG": "warn,tidemill_operator=debug",
    }


def test_values_reach_the_pod(everything):
    spec = everything.pod["spec"]
    assert everything.one("Deployment")["spec"]["replicas"] == 2
    assert spec["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror"}]
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["tolerations"] == [{"key": "dedicated", "operator": "Exists"}]
    assert spec["affinity"] == {"podAntiAffinity": {}}
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}
    assert everything.one("Pod")["spec"]["containers"][0]["image"] == "registry.example/busybox:1"


def test_probes_ask_where_the_operator_answers(default):
    container = default.pod["spec"]["containers"][0]
    ports = {it["name"]: it["containerPort"] for it in container["ports"]}
    for probe, path in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]:
        get = container[probe]["httpGet"]
        assert (get["path"], ports[get["port"]]) == (path, 8080)


def test_the_service_leads_to_the_operator_and_to_nothing_else(default):
    selector = default.one("Service")["spec"]["selector"]
    assert selector.items() <= default.pod["metadata"]["labels"].items()
    assert selector == default.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= default.one("Pod")["metadata"]["labels"].items()


def test_rights_in_all_namespaces_are_those_in_each_of_a_list(default, everything):
    assert not everything.all("ClusterRole") and not everything.all("ClusterRoleBinding")
    roles = {it["metadata"]["namespace"]: it["rules"] for it in everything.all("Role")}
    wide = default.one("ClusterRole")["rules"]
    assert set(roles) == {"payments", "risk", "operators"}
    assert roles["payments"] == roles["risk"] == wide
    assert roles["operators"] == default.one("Role")["rules"] != wide
    for binding in everything.all("RoleBinding"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "tidemill-operator", "namespace": "operators"}]
        role = next(it for it in everything.all("Role") if it["metadata"]["namespace"] == binding["metadata"]["namespace"])
        assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_releases_of_one_name_in_two_namespaces_do_not_meet():
    cluster_wide = [{(it["kind"], it["metadata"]["name"]) for it in r.all("ClusterRole") + r.all("ClusterRoleBinding")}
                    for r in (Rendered(namespace="one"), Rendered(namespace="two"))]
    assert not cluster_wide[0] & cluster_wide[1]


def test_no_right_is_given_by_a_wildcard(default):
    for role in default.all("ClusterRole") + default.all("Role"):
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"], rule


def test_the_definitions_are_the_generated_ones_and_stay(default, everything):
    generated = {it["metadata"]["name"]: it["spec"] for it in map(yaml.safe_load, (f.read_text() for f in (ROOT / "crds" / "yaml").glob("*.yaml")))}
    rendered = default.all("CustomResourceDefinition")
    assert {it["metadata"]["name"]: it["spec"] for it in rendered} == generated
    assert all(it["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"} for it in rendered)
    assert not everything.all("CustomResourceDefinition")


def test_prometheus_reads_the_operators_service(default, everything):
    assert not default.all("ServiceMonitor")
    monitor = everything.one("ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    service = everything.one("Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    endpoint = monitor["spec"]["endpoints"][0]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert (endpoint["path"], endpoint["interval"]) == ("/metrics", "10s")


@pytest.mark.parametrize(
    "values, complaint",
    [
        ({"replica": 2}, "replica"),
        ({"replicas": "2"}, "/replicas"),
        ({"replicas": -1}, "/replicas"),
        ({"watchNamespaces": "payments"}, "/watchNamespaces"),
        ({"watchNamespaces": ["Payments"]}, "/watchNamespaces/0"),
        ({"watchNamespaces": ["a", "a"]}, "/watchNamespaces"),
        ({"watchNamespaces": None}, "watchNamespaces"),
        ({"image": "tidemill:1"}, "/image"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"image": {"tag": "a b"}}, "/image/tag"),
        ({"image": {"name": "tidemill"}}, "name"),
        ({"imagePullSecrets": ["registry"]}, "/imagePullSecrets/0"),
        ({"imagePullSecrets": [{"name": "registry,mirror"}]}, "/imagePullSecrets/0/name"),
        ({"crds": {"install": "yes"}}, "/crds/install"),
        ({"log": ""}, "/log"),
        ({"otlpEndpoint": "collector:4318"}, "/otlpEndpoint"),
        ({"resources": {"request": {}}}, "request"),
        ({"serviceMonitor": {"enabled": True, "interval": "often"}}, "/serviceMonitor/interval"),
        ({"nodeSelector": {"disk": 1}}, "/nodeSelector/disk"),
    ],
    ids=str,
)
def test_wrong_values_are_refused_by_name(values, complaint):
    with pytest.raises(Refused) as refused:
        Rendered(values)
    assert "values don't meet the specifications" in str(refused.value)
    assert complaint in str(refused.value)
