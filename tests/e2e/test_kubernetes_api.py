"""What a real API server makes of the definitions: it takes them, lets good manifests in, and says to others what to write."""

from pathlib import Path

import pytest
import yaml

from harness.cluster import ROOT, Refused

TABLE = yaml.safe_load((Path(__file__).parent / "manifests" / "kubernetes" / "rules.yaml").read_text())
CASES = TABLE["cases"]
DEFINITIONS = {d["spec"]["names"]["kind"]: d for d in map(yaml.safe_load, (f.read_text() for f in sorted((ROOT / "crds" / "yaml").glob("*.yaml"))))}


def rules(schema: dict):
    """All rules of a schema and of the parts of it."""
    yield from schema.get("x-kubernetes-validations", [])
    for part in [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(part, dict):
            yield from rules(part)


def manifest(case: dict) -> dict:
    name = case["name"].lower().replace(" ", "-")
    spec = TABLE["bases"][case["kind"]] | case.get("with", {})
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": case["kind"], "metadata": {"name": name}, "spec": spec}


def names(cases: list[dict]) -> list[str]:
    return [f"{case['kind']}: {case['name']}" for case in cases]


ACCEPTED = [case for case in CASES if "says" not in case]
REFUSED = [case for case in CASES if "says" in case]


@pytest.fixture(scope="module")
def here(definitions, session_tag):
    with definitions.new_namespace(f"api-{session_tag}") as namespace:
        yield namespace


def test_every_rule_is_in_the_table():
    said = {case["says"] for case in REFUSED}
    for kind, definition in DEFINITIONS.items():
        for rule in rules(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]):
            assert rule["message"] in said, f"{kind}: no manifest breaks the rule {rule['rule']!r}"


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_definition_is_taken_as_it_is(definitions, kind):
    name = DEFINITIONS[kind]["metadata"]["name"]
    definitions.wait_for_condition("crd", name, "Established")
    assert definitions.condition("crd", name, "NonStructuralSchema") == {}, "part of the schema is not honoured"


@pytest.mark.parametrize("case", ACCEPTED, ids=names(ACCEPTED))
def test_accepted(here, case):
    it = manifest(case)
    here.apply(it)
    kept = here.get(case["kind"], it["metadata"]["name"])["spec"]
    assert set(it["spec"]) <= set(kept)


@pytest.mark.parametrize("case", REFUSED, ids=names(REFUSED))
def test_refused(here, case):
    with pytest.raises(Refused) as refused:
        here.apply(manifest(case))
    complaints = [line.removeprefix("* ") for line in str(refused.value).splitlines()]
    assert any(f'{case["field"]}: Invalid value: ' in c and c.endswith(case["says"]) for c in complaints), refused.value
    assert here.find(case["kind"], manifest(case)["metadata"]["name"]) is None


def test_a_field_that_is_not_known_is_refused_by_name(here):
    it = manifest({"kind": "Pipeline", "name": "a typing mistake", "with": {"comitInterval": "1s"}})
    with pytest.raises(Refused, match='unknown field "spec.comitInterval"'):
        here.apply(it)


@pytest.mark.parametrize("example", sorted(p.name for p in (ROOT / "examples").iterdir() if p.is_dir()))
def test_examples_are_accepted(here, example):
    here.kubectl("apply", "--kustomize", str(ROOT / "examples" / example))


def test_short_names_and_columns(here):
    here.apply(manifest({"kind": "Pipeline", "name": "to be looked at", "with": {"workers": 2}}))
    header = here.kubectl("get", "pl").splitlines()[0].split()
    assert header == ["NAME", "READY", "REASON", "WORKERS", "RATE", "LAG", "DELAY", "ALERTS", "DEADLETTERS", "AGE"]
    assert "to-be-looked-at" in here.kubectl("get", "tidemill", "--output", "name")


def test_explain_tells_what_a_field_is_for(here):
    assert "How often results are committed" in here.kubectl("explain", "pipeline.spec.commitInterval")


def test_kubectl_scales_a_pipeline(here):
    it = manifest({"kind": "Pipeline", "name": "to be scaled", "with": {"workers": 2}})
    here.apply(it)
    here.kubectl("scale", "pipeline/to-be-scaled", "--replicas", "5")
    assert here.get("pipeline", "to-be-scaled")["spec"]["workers"] == 5


def test_status_is_not_for_users_to_write(here):
    it = manifest({"kind": "Pipeline", "name": "with a status"})
    here.apply(it | {"status": {"replicas": 7}})
    assert "status" not in here.get("pipeline", "with-a-status")
