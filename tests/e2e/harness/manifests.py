"""Manifests as the tests need them: a folder's resources, under topics and names of their own."""

import copy
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.windows import CALL

ROOT = Path(__file__).resolve().parents[3]
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Output:
    """One output of a pipeline that goes to a topic."""

    stream: str
    topic: str
    epoch_millis: bool
    partitions: int
    upsert: bool


@dataclass(frozen=True)
class Example:
    """One Pipeline with its Sinks, written to a folder."""

    folder: Path
    name: str
    pipeline: dict
    sinks: dict[str, dict]

    @property
    def source(self) -> dict:
        """The one stream that comes from a topic."""
        (source,) = [s for s in self.pipeline["spec"]["sources"] if "kafka" in s and "table" not in s]
        return source

    @property
    def tables(self) -> list[dict]:
        """The sources that are tables."""
        return [s for s in self.pipeline["spec"]["sources"] if "table" in s]

    @property
    def input_topic(self) -> str:
        return self.source["kafka"]["topic"]

    @property
    def disorder(self) -> int:
        """Whole seconds that a record may come behind the latest one without being late."""
        return int(seconds(self.source.get("eventTime", {}).get("outOfOrderness", "0s")))

    @property
    def outputs(self) -> list[Output]:
        """What goes to topics, the dead letters too."""
        return [self._output(o) for o in self.pipeline["spec"]["outputs"] if "kafka" in self.sinks[o["sink"]]]

    def output(self, stream: str) -> Output:
        """The output of one stream."""
        (output,) = [o for o in self.outputs if o.stream == stream]
        return output

    def _output(self, output: dict) -> Output:
        kafka = self.sinks[output["sink"]]["kafka"]
        millis = kafka.get("format", {}).get("timestamps") == "EpochMillis"
        return Output(output["from"], kafka["topic"], millis, kafka.get("partitions", 1), self._replaces(output["from"]))

    def _replaces(self, name: str) -> bool:
        """Whether a stream's rows replace each other: a table kept up to date, or windows that are told early."""
        streams = {s["name"]: s for s in self.pipeline["spec"].get("streams", [])}
        if name not in streams:
            return False
        sql = streams[name]["sql"]
        grouped = re.search(r"\bGROUP\s+BY\b", sql, re.I) is not None
        windowed = CALL.search(sql) is not None
        return grouped and (not windowed or streams[name].get("emit", {}).get("when") == "OnUpdate")


def load(folder: Path) -> list[dict]:
    """All resources in a folder's YAML files."""
    files = sorted(folder.glob("*.yaml"))
    assert files, f"no manifests in {folder}"
    return [doc for file in files for doc in yaml.safe_load_all(file.read_text()) if doc]


def isolate(folder: Path, into: Path, tag: str) -> list[Example]:
    """Writes a folder's pipelines that read topics, each to a folder below `into`, all topics and pipelines renamed by a tag.

    Pipelines that only generate input are left out: the tests bring their own.
    """
    docs = load(folder)
    sinks = {d["metadata"]["name"]: _tagged_sink(d["spec"], tag) for d in docs if d["kind"] == "Sink"}
    pipelines = [d for d in docs if d["kind"] == "Pipeline" and any("kafka" in s for s in d["spec"]["sources"])]
    assert pipelines, f"no pipeline in {folder} reads a topic"
    return [_write(_tagged_pipeline(p, tag), sinks, into) for p in pipelines]


def _tagged_sink(spec: dict, tag: str) -> dict:
    spec = copy.deepcopy(spec)
    if "kafka" in spec:
        spec["kafka"]["topic"] += f"-{tag}"
    return spec


def _tagged_pipeline(pipeline: dict, tag: str) -> dict:
    pipeline = copy.deepcopy(pipeline)
    pipeline["metadata"]["name"] += f"-{tag}"
    for source in pipeline["spec"]["sources"]:
        if "kafka" in source:
            source["kafka"]["topic"] += f"-{tag}"
    return pipeline


def _write(pipeline: dict, sinks: dict[str, dict], into: Path) -> Example:
    name = pipeline["metadata"]["name"]
    used = {o["sink"]: sinks[o["sink"]] for o in pipeline["spec"]["outputs"]}
    docs = [pipeline]
    docs += [{"apiVersion": pipeline["apiVersion"], "kind": "Sink", "metadata": {"name": n}, "spec": s} for n, s in used.items()]
    folder = into / name
    folder.mkdir(parents=True)
    (folder / "manifests.yaml").write_text(yaml.safe_dump_all(docs, sort_keys=False))
    return Example(folder, name, pipeline, used)


def seconds(text: str) -> float:
    """A duration as manifests write it, such as 500ms or 1m30s."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    assert "".join(n + u for n, u in parts) == text, f"not a duration: {text}"
    return sum(float(number) * UNITS[unit] for number, unit in parts)
