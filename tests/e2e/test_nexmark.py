"""Nexmark: each query of the example over generated events, held against another engine over the same events; and those that
cannot be said, with what is said of them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.manifests import ROOT, Example, isolate
from harness.oracle import Oracle
from harness.rows import Reader, Record, appended, difference, upserted
from harness.tidemill import Tidemill, find_binary

FOLDER = ROOT / "examples" / "nexmark"
THERE = sorted((file.stem for file in FOLDER.glob("q*.yaml")), key=lambda q: int(q[1:]))
REFUSED = ROOT / "tests" / "e2e" / "manifests" / "nexmark"
ROUNDS = 500  # of fifty events: a person, three auctions and 46 bids
# What is generated for each topic: of which kind, how many, and the field that is the records' key.
TOPICS = {
    "nexmark-person": ("nexmark-people", ROUNDS, "id"),
    "nexmark-auction": ("nexmark-auctions", 3 * ROUNDS, "id"),
    "nexmark-bid": ("nexmark-bids", 46 * ROUNDS, "auction"),
    "nexmark-side-input": ("customers", 10_000, "account"),
}


@dataclass(frozen=True)
class Ran:
    """All queries, run to the end of their input on the embedded log."""

    tidemill: Tidemill
    state: Path
    examples: dict[str, Example]
    files: dict[str, Path]

    def oracle(self, query: str) -> Oracle:
        pipeline = self.examples[query].pipeline
        return Oracle(pipeline, {source["name"]: self.files[source["kafka"]["topic"]] for source in pipeline["spec"]["sources"]})

    def written(self, topic: str) -> list[Record]:
        lines = self.tidemill.output("topic", "read", topic, "--metadata", "--state", self.state, limit=120)
        records = map(json.loads, lines)
        return [Record(r["partition"], as_bytes(r["key"]), as_bytes(r["value"])) for r in records]


def as_bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


@pytest.fixture(scope="module")
def ran(seed, session_tag, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nexmark")
    tidemill, state = Tidemill(find_binary(), folder), folder / "state"
    examples = {e.pipeline["spec"]["streams"][-1]["name"]: e for e in isolate(FOLDER, folder, session_tag)}
    files = {}
    for name, (kind, records, key) in TOPICS.items():
        lines = tidemill.output("generate", kind, "--records", records, "--seed", seed, "--step", 10)
        topic = f"{name}-{session_tag}"
        files[topic] = folder / f"{name}.jsonl"
        files[topic].write_text("".join(f"{line}\n" for line in lines))
        tidemill.output("topic", "write", topic, "--key-field", key, "--partitions", 4, "--state", state, stdin=files[topic].read_bytes(), limit=120)
    tidemill.run(*(e.folder for e in examples.values()), state=state, bounded=True).succeed(limit=900)
    yield Ran(tidemill, state, examples, files)
    tidemill.put_away()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("query", THERE)
def test_a_query_gives_what_another_engine_gives(query, ran):
    output = ran.examples[query].output(query)
    expected = ran.oracle(query).rows(query)
    assert expected.rows, "there are no rows to compare"
    read = upserted if output.upsert else appended
    found = read(ran.written(output.topic), Reader(expected.columns, output.epoch_millis))
    wrong = difference(expected.counted(), found)
    assert wrong is None, f"{query} is not exact: {wrong}"
    print(f"{query}: {len(expected.rows):,} rows, equal")


def told() -> dict[str, str]:
    """What the README's table says of each query."""
    rows = re.findall(r"^\| (q\d+) \|.*\| ([^|]+) \|$", (FOLDER / "README.md").read_text(), re.M)
    return dict(rows)


def test_the_readme_tells_of_each_query():
    refused = {file.stem for file in REFUSED.glob("q*.yaml")}
    assert set(told()) == {*THERE, *refused}
    assert {query for query, said in told().items() if said == "there"} == set(THERE)


@pytest.mark.parametrize("query", sorted(file.stem for file in REFUSED.glob("q*.yaml")))
def test_a_query_that_cannot_be_said_is_refused_as_the_readme_tells(query, tidemill):
    done = tidemill.call("validate", REFUSED / f"{query}.yaml")
    assert done.returncode == 1, done.stdout
    said = told()[query].removeprefix("refused: ")
    assert said in done.stderr.decode().replace("`", ""), done.stderr.decode()
