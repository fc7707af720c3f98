"""What a user is told of a manifest that is wrong: by `kubectl apply`, or by the operator in the conditions of its status. Every
message names the place and says what to do; docs/refusals.md shows them all."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.broker import Broker
from harness.cluster import ROOT, Cluster, Refused
from harness.kafka import Kafka
from harness.operator import Operator
from harness.refusals import Case, changed, page, read
from harness.waiting import wait_until

DOCS = ROOT / "docs" / "refusals.md"
GROUPS = read()
CASES = [case for _, cases in GROUPS for case in cases]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A Kafka with the topic that the good manifest reads."""
    broker = Broker(tmp_path_factory.mktemp("kafka")).start()
    kafka = Kafka(broker.bootstrap)
    for topic in ("payments", "more-payments"):
        kafka.make_topic(topic, 1)
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def here(definitions, session_tag, broker, tmp_path_factory):
    """A namespace with an operator that looks after it, and the good manifests."""
    with definitions.new_namespace(f"refusals-{session_tag}") as namespace:
        operator = Operator(namespace, tmp_path_factory.mktemp("operator") / "operator.log")
        operator.start()
        sink = changed("Sink", "large", {}, broker.bootstrap)
        namespace.apply(sink, changed("Pipeline", "base", {}, broker.bootstrap))
        namespace.wait_for_condition("pipeline", "base", "Ready")
        yield namespace
        operator.run.kill()


@pytest.fixture(scope="module")
def said(here, broker) -> dict[str, str]:
    """What is said of each case."""
    here.apply(*(it for case in CASES for it in case.beside()))
    edited = [case for case in CASES if case.first is not None]
    here.apply(*(case.before(broker.bootstrap) for case in edited))
    for case in edited:
        here.wait_for_condition("pipeline", case.name, "Accepted")
    refusal(here, *(case.manifest(broker.bootstrap) for case in CASES if case.reason))
    with ThreadPoolExecutor(4) as pool:
        refused = pool.map(lambda case: refusal(here, case.manifest(broker.bootstrap)), [case for case in CASES if not case.reason])
    words = dict(zip((case.id for case in CASES if not case.reason), refused))
    words |= in_status(here, [case for case in CASES if case.reason])
    return {case: plain(here, broker, text) for case, text in words.items()}


def refusal(here: Cluster, *manifests: dict) -> str:
    """What `kubectl apply` says."""
    try:
        return f"taken: {here.apply(*manifests)}"
    except Refused as refused:
        return str(refused)


def in_status(here: Cluster, cases: list[Case]) -> dict[str, str]:
    """What the conditions say that have the reasons which the cases are about."""
    objects, words = {}, {}

    def all_said() -> bool:
        found = here.get("pipelines,alertrules,sinks")["items"]
        objects.update({(it["kind"], it["metadata"]["name"]): it for it in found})
        words.update({case.id: message(objects.get((case.kind, case.name), {}), case.reason) for case in cases})
        return all(words.values())

    try:
        wait_until(all_said, 90, "all reasons", pause=0.5)
    except TimeoutError:
        pass  # what is not said is said case by case
    return {case.id: words[case.id] or f"no {case.reason} in {objects.get((case.kind, case.name))}" for case in cases}


def message(it: dict, reason: str) -> str | None:
    """What an object's condition says that is false for this reason, once its status is about the manifest as it is."""
    conditions = it.get("status", {}).get("conditions", [])
    now = [c for c in conditions if c["observedGeneration"] == it["metadata"]["generation"]]
    return next((c["message"] for c in now if c["reason"] == reason and c["status"] == "False"), None)


def plain(here: Cluster, broker: Broker, words: str) -> str:
    """Without what differs from run to run, and without what kubectl says to every refusal."""
    words = words.replace(here.namespace, "bank").replace(broker.bootstrap, "kafka:9092")
    words = re.sub(r'^The \w+ "[^"]*" is invalid:\s*', "", words)
    words = re.sub(r'^Error from server \(BadRequest\): error when (creating|applying patch:[\s\S]*to:[\s\S]*for:) "STDIN": ', "", words)
    lines = [line.removeprefix("* ").strip() for line in words.splitlines()]
    return "\n".join(line for line in lines if "some validation rules were not checked" not in line)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_the_place_is_named_and_what_to_do_is_said(said, case):
    faults = case.faults(said[case.id])
    assert not faults, f"{faults} is not in what is said:\n{said[case.id]}"


def test_the_page_says_what_is_said(said):
    text = page(GROUPS, said)
    if os.environ.get("TIDEMILL_WRITE_DOCS"):
        DOCS.write_text(text)
    assert DOCS.read_text() == text, "run tests/run e2e refusals with TIDEMILL_WRITE_DOCS=1"


def test_no_message_repeats_a_secret(said):
    assert not [case for case, words in said.items() if "secret-word" in words]
