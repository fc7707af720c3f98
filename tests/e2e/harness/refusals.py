"""Manifests that are refused: what they change in a good one, and what is to be said of them."""

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parents[1] / "refusals"
BASE = yaml.safe_load((FOLDER / "base.yaml").read_text())


@dataclass
class Case:
    """A manifest with something wrong. Without a `reason` `kubectl apply` refuses it; else a condition has that reason."""

    group: str
    number: int
    kind: str
    case: str
    at: str | list[str]
    says: str | list[str]
    set: dict = field(default_factory=dict)
    sql: str | None = None
    metadata: dict = field(default_factory=dict)
    reason: str | None = None
    first: dict | None = None
    with_: list[dict] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.group}: {self.case}"

    @property
    def name(self) -> str:
        return self.metadata.get("name", f"case-{self.number}")

    @property
    def changes(self) -> dict:
        """What it changes in the spec, by path; None is taken out."""
        return self.set | ({} if self.sql is None else {"streams[0].sql": self.sql})

    def manifest(self, bootstrap: str) -> dict:
        return changed(self.kind, self.name, self.changes, bootstrap)

    def before(self, bootstrap: str) -> dict | None:
        """What is to be accepted before the manifest is applied."""
        return None if self.first is None else changed(self.kind, self.name, self.first, bootstrap)

    def beside(self) -> list[dict]:
        """What it names."""
        return [{"apiVersion": "tidemill.io/v1alpha1", **it} for it in self.with_]

    def faults(self, said: str) -> list[str]:
        """What is not in what is said."""
        wanted = [text for texts in (self.at, self.says) for text in ([texts] if isinstance(texts, str) else texts)]
        return [text for text in wanted if text not in said]


def changed(kind: str, name: str, changes: dict, bootstrap: str) -> dict:
    """The good manifest of a kind with some fields of its spec changed."""
    spec = copy.deepcopy(BASE[kind])
    if kind == "Pipeline":
        spec["kafka"]["bootstrapServers"] = bootstrap
    for path, value in changes.items():
        put(spec, [int(i) if i else name for name, i in re.findall(r"([A-Za-z]+)|\[(\d+)\]", path)], copy.deepcopy(value))
    return {"apiVersion": "tidemill.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def put(within, path: list, value):
    """Changes the field at a path; None takes it out."""
    *way, last = path
    for step in way:
        within = within[step]
    if value is None:
        del within[last]
    elif isinstance(within, list) and last == len(within):
        within.append(value)
    else:
        within[last] = value


def read() -> list[tuple[str, list[Case]]]:
    """All cases, by their groups' titles."""
    groups, number = [], 0
    for file in sorted(FOLDER.glob("[0-9]-*.yaml")):
        group = yaml.safe_load(file.read_text())
        cases = []
        for it in group["cases"]:
            number += 1
            it["with_"] = it.pop("with", [])
            cases.append(Case(group=group["title"], number=number, kind=group["kind"], **it))
        groups.append((group["title"], cases))
    return groups


def page(groups: list[tuple[str, list[Case]]], said: dict[str, str]) -> str:
    """The table of what is said, in Markdown."""
    lines = [
        "# What is said to manifests that are wrong",
        "",
        "Each manifest here is a good one (`tests/e2e/refusals/base.yaml`) with the change shown; what is said is what a user sees:",
        "from `kubectl apply`, or in the condition that is named. Made by `tests/e2e/test_refusals.py` on a real API server, with",
        "`TIDEMILL_WRITE_DOCS=1`.",
    ]
    for title, cases in groups:
        lines += ["", f"## {title}", "", "| What is wrong | Change | Said by | What is said |", "|---|---|---|---|"]
        for case in cases:
            change = "<br>".join(f"`{cell(shown(path, value))}`" for path, value in case.changes.items())
            change = change or "<br>".join(f"`{cell(shown(f'metadata.{key}', value))}`" for key, value in case.metadata.items())
            by = "`kubectl apply`" if case.reason is None else f"status, `{case.reason}`"
            lines.append(f"| {case.case} | {change} | {by} | {cell(said[case.id])} |")
    return "\n".join(lines) + "\n"


def shown(path: str, value) -> str:
    """A change as one writes it."""
    if value is None:
        return f"{path}: (left out)"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return f"{path}: " + text.removesuffix("...\n").strip()


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", "<br>")
