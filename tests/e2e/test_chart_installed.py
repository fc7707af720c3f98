"""The chart in a real cluster: what its operator may do, and what becomes of the definitions. No operator runs for this."""

import shutil

import pytest
import yaml

from harness.chart import Rendered
from harness.cluster import CHART, Refused

# The definitions may be there already, put there by somebody else.
TAKE_OVER = ("--take-ownership", "--force-conflicts", "--set", "replicas=0")
ACCOUNT = "tidemill-operator"
PIPELINE = {
    "apiVersion": "tidemill.io/v1alpha1",
    "kind": "Pipeline",
    "metadata": {"name": "payments"},
    "spec": {"sources": [{"name": "payments", "generator": {"kind": "Transactions"}}]},
}

# What, by kind, group and subresource: KIND.GROUP:SUBRESOURCE.
MAY = [
    *[(verb, f"{kind}.tidemill.io") for verb in ("get", "list", "watch") for kind in ("pipelines", "alertrules", "sinks")],
    ("patch", "pipelines.tidemill.io"),
    ("update", "pipelines.tidemill.io:finalizers"),
    *[("patch", f"{kind}.tidemill.io:status") for kind in ("pipelines", "alertrules", "sinks")],
    *[(verb, kind) for verb in ("get", "list", "watch", "create", "patch", "delete")
      for kind in ("deployments.apps", "configmaps", "serviceaccounts", "services", "poddisruptionbudgets.policy", "networkpolicies.networking.k8s.io")],
    *[(verb, kind) for verb in ("get", "list", "watch") for kind in ("secrets", "pods")],
    ("patch", "pods:status"),
    *[(verb, "events.events.k8s.io") for verb in ("create", "patch")],
]
MAY_NOT = [
    *[(verb, "secrets") for verb in ("create", "update", "patch", "delete", "deletecollection")],
    *[(verb, "pods") for verb in ("create", "update", "patch", "delete")],
    *[("create", f"pods:{what}") for what in ("exec", "attach", "portforward", "eviction")],
    ("get", "pods:log"),
    *[(verb, f"{kind}.tidemill.io") for verb in ("create", "delete") for kind in ("pipelines", "alertrules", "sinks")],
    *[("patch", f"{kind}.tidemill.io") for kind in ("alertrules", "sinks")],
    *[(verb, f"{kind}.rbac.authorization.k8s.io") for verb in ("create", "patch", "bind", "escalate") for kind in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")],
    *[(verb, "events.events.k8s.io") for verb in ("list", "delete")],
    ("impersonate", "users"),
    ("impersonate", "serviceaccounts"),
    ("create", "serviceaccounts:token"),
    *[(verb, "customresourcedefinitions.apiextensions.k8s.io") for verb in ("get", "create", "patch", "delete")],
    *[(verb, kind) for verb in ("list", "create", "delete") for kind in ("nodes", "namespaces", "persistentvolumes")],
    *[("create", kind) for kind in ("jobs.batch", "daemonsets.apps", "statefulsets.apps", "validatingwebhookconfigurations.admissionregistration.k8s.io")],
    ("deletecollection", "deployments.apps"),
]


@pytest.fixture(scope="module")
def everywhere(cluster, session_tag):
    """A release that looks after all namespaces."""
    with cluster.new_namespace(f"chart-{session_tag}") as here:
        here.helm("install", "tidemill", str(CHART), *TAKE_OVER)
        yield here
        here.helm("uninstall", "tidemill", "--wait")


@pytest.mark.parametrize("verb, resource", MAY, ids=[f"{verb} {resource}" for verb, resource in MAY])
def test_the_operator_may(everywhere, verb, resource):
    assert everywhere.may(verb, resource, account=f"{everywhere.namespace}:{ACCOUNT}")


@pytest.mark.parametrize("verb, resource", MAY_NOT, ids=[f"{verb} {resource}" for verb, resource in MAY_NOT])
def test_the_operator_may_not(everywhere, verb, resource):
    account = f"{everywhere.namespace}:{ACCOUNT}"
    assert not everywhere.may(verb, resource, account=account)
    assert not everywhere.may(verb, resource, account=account, namespace=everywhere.namespace)


def test_the_operator_leads_by_one_lease_beside_it(everywhere):
    account = f"{everywhere.namespace}:{ACCOUNT}"
    for verb in ("get", "update", "patch"):
        assert everywhere.may(verb, "leases.coordination.k8s.io/tidemill-operator", account=account, namespace=everywhere.namespace)
        assert not everywhere.may(verb, "leases.coordination.k8s.io/other", account=account, namespace=everywhere.namespace)
    assert everywhere.may("create", "leases.coordination.k8s.io", account=account, namespace=everywhere.namespace)
    assert not everywhere.may("create", "leases.coordination.k8s.io", account=account, namespace="kube-system")


def test_rights_end_at_the_listed_namespaces(cluster, tag):
    with cluster.new_namespace(f"listed-{tag}") as listed, cluster.new_namespace(f"beside-{tag}") as here:
        values = ("--set", f"watchNamespaces={{{listed.namespace}}}", "--set", "crds.install=false", "--set", "replicas=0")
        here.helm("install", "tidemill", str(CHART), *values)
        account = f"{here.namespace}:{ACCOUNT}"
        for verb, resource in [("list", "pipelines.tidemill.io"), ("get", "secrets"), ("patch", "deployments.apps")]:
            assert here.may(verb, resource, account=account, namespace=listed.namespace)
            assert not here.may(verb, resource, account=account, namespace=here.namespace)
            assert not here.may(verb, resource, account=account)
        here.helm("uninstall", "tidemill", "--wait")
        assert not here.may("get", "secrets", account=account, namespace=listed.namespace)


@pytest.mark.parametrize("which", ["operator", "test"])
def test_pods_pass_the_restricted_level(everywhere, which):
    rendered = Rendered(namespace=everywhere.namespace)
    pod = rendered.one("Pod") if which == "test" else rendered.pod | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"]["name"] = "restricted"
    assert "created" in everywhere.apply(pod, options=("--dry-run=server",))
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(Refused, match="violates PodSecurity"):
        everywhere.apply(pod, options=("--dry-run=server",))


def test_definitions_are_upgraded_and_outlive_the_release(cluster, tag, tmp_path):
    older = tmp_path / "tidemill"
    shutil.copytree(CHART, older)
    definition = older / "files" / "crds" / "pipelines.yaml"
    words = yaml.safe_load(definition.read_text())["spec"]["versions"][0]["additionalPrinterColumns"][0]["description"]
    definition.write_text(definition.read_text().replace(words, "Words of an older release."))

    def column() -> str:
        found = cluster.get("crd", "pipelines.tidemill.io")
        return found["spec"]["versions"][0]["additionalPrinterColumns"][0]["description"]

    with cluster.new_namespace(f"upgraded-{tag}") as here:
        here.helm("install", "tidemill", str(older), *TAKE_OVER)
        assert column() == "Words of an older release."
        here.wait_for_condition("crd", "pipelines.tidemill.io", "Established")
        here.apply(PIPELINE)
        before = here.get("pipeline", "payments")["metadata"]["uid"]

        here.helm("upgrade", "tidemill", str(CHART), "--set", "replicas=0")
        assert column() == words

        here.helm("uninstall", "tidemill", "--wait")
        assert here.find("deployment", "tidemill-operator") is None
        assert here.get("pipeline", "payments")["metadata"]["uid"] == before

        here.helm("install", "tidemill", str(CHART), "--set", "replicas=0")
        assert here.get("pipeline", "payments")["metadata"]["uid"] == before
        here.helm("uninstall", "tidemill", "--wait")
