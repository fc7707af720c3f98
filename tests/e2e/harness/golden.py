"""Golden SQL: cases of `tests/golden`, and what DuckDB makes of them in one batch.

A case's own form is told in `tests/golden/README.md`. The rows of a stream are those of its query over all records, without those
that the case says are not used.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import duckdb
import yaml

from harness.manifests import ROOT
from harness.oracle import quoted, value_of
from harness.rows import Column, Rows, canonical, micros
from harness.windows import spelled_out

FOLDER = ROOT / "tests" / "golden"
# Functions that DuckDB has under another name, or not at all.
DIALECT = """
SET TimeZone = 'UTC'; SET threads = 1; SET integer_division = true;
CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern);
"""


@dataclass(frozen=True)
class Source:
    """A source; a table has a primary key."""

    columns: list[dict]
    key: list[str]


@dataclass(frozen=True)
class Record:
    """A record, and the fates (reason, stream) that keep it from being used."""

    key: str | None
    value: str | None
    fates: list[tuple[str, str]]


@dataclass
class Case:
    """One case, as far as a batch needs it."""

    file: Path
    sources: dict[str, "Source"] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)
    batch: dict[str, str] = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict)
    rows: dict[str, list[list[str]]] = field(default_factory=dict)

    def reads(self, stream: str) -> set[str]:
        """The streams that a stream reads, through others too, and itself."""
        found = {stream}
        for name in self.streams:
            if name not in found and re.search(rf"\b{name}\b", self.query(stream)):
                found |= self.reads(name)
        return found

    def query(self, stream: str) -> str:
        """The stream's query as a batch."""
        return self.batch.get(stream) or spelled_out(self.streams[stream])

    def compared(self) -> list[str]:
        """The streams that have a meaning in batch."""
        return [name for name in self.streams if not self.batch.get(name, "").startswith("none, because ")]

    def expected(self, stream: str, columns: list[Column]) -> Counter:
        """The rows that the case says a stream finally holds."""
        names, *rows = self.rows[stream] or [[]]
        assert not rows or names == [c.name for c in columns], f"the columns are {[c.name for c in columns]}, and expected are {names}"
        return Counter(tuple(read(cell, c.kind) for cell, c in zip(row, columns)) for row in rows)

    def batch_rows(self, stream: str) -> Rows:
        """What the stream's query gives over all records that it uses."""
        db = duckdb.connect()
        db.execute(DIALECT)
        streams = self.reads(stream)
        for name, source in self.sources.items():
            self._add_source(db, name, source, streams)
        for name in streams - {stream}:
            assert name in self.compared(), f"{stream} reads {name}, which has no meaning in batch"
        for name in self.streams:
            if name in streams:
                db.execute(f"CREATE VIEW {quoted(name)} AS {self.query(name)}")
        result = db.execute(f"SELECT * FROM {quoted(stream)}")
        return Rows([Column(name, str(kind)) for name, kind, *_ in result.description], result.fetchall())

    def _add_source(self, db, name: str, source: Source, streams: set[str]):
        used = [r for r in self.records.get(name, []) if not any(s in streams or not s for _, s in r.fates)]
        db.execute("CREATE TABLE raw (arrival BIGINT, deleted BOOLEAN, json VARCHAR)")
        for arrival, record in enumerate(used):
            deleted = bool(source.key) and record.value is None
            db.execute("INSERT INTO raw VALUES (?, ?, ?)", (arrival, deleted, deletion(source, record) if deleted else record.value))
        values = ", ".join(f"{value_of(c)} AS {quoted(c['name'])}" for c in source.columns)
        keys = ", ".join(quoted(k) for k in source.key)
        latest = f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY arrival DESC) = 1" if keys else ""
        rows = f"SELECT * FROM (SELECT arrival, deleted, {values} FROM raw) {latest}"
        db.execute(f"CREATE TABLE {quoted(name)} AS SELECT * EXCLUDE (arrival, deleted) FROM ({rows}) WHERE NOT deleted; DROP TABLE raw")

    def add(self, stream: str, rows: Rows):
        """Writes the rows of a stream to the end of the case's file."""
        lines = [[c.name for c in rows.columns]] + [[written(v) for v in row] for row in rows.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(rows.columns))]
        table = ["  | " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths)) + " |\n" for line in lines[:1] + sorted(lines[1:])]
        with self.file.open("a") as file:
            file.write(f"\nrows {stream}:\n{''.join(table)}")


def load(file: Path) -> Case:
    """Reads a case."""
    case = Case(file)
    sections: list[tuple[str, str, list[str]]] = []
    for line in file.read_text().splitlines():
        if line.startswith("--"):
            continue
        if line.strip() and not line.startswith(" "):
            head, _, rest = line.partition(":")
            sections.append((head, rest, []))
        elif sections:
            sections[-1][2].append(line)
    for head, rest, body in sections:
        match head.split():
            case ["source", name]:
                fields, more = split_fields(body)
                columns = [column(c) for c in re.split(r",(?![^(]*\))", " ".join([rest, *more])) if c.strip()]
                table = yaml.safe_load("\n".join(f.strip() for f in fields) or "{}").get("table", {})
                case.sources[name] = Source(columns, table.get("primaryKey", []))
            case ["stream", name]:
                case.streams[name] = "\n".join(split_fields(body)[1])
            case ["batch", name]:
                case.batch[name] = "\n".join([rest, *body]).strip()
            case ["rows", name]:
                case.rows[name] = [cells(line)[0] for line in body if line.strip()]
            case ["input", name]:
                case.records.setdefault(name, []).extend(records(body))
    return case


def deletion(source: Source, record: Record) -> str:
    """A row of which a tombstone says that it is gone: what its key names."""
    key = record.key or "{}"
    return key if key.startswith("{") else json.dumps({source.key[0]: key})


def split_fields(body: list[str]) -> tuple[list[str], list[str]]:
    """The lines `name: value` at the top of a section, and the rest."""
    count = 0
    while count < len(body) and re.match(r"\s*[A-Za-z]+: ", body[count]):
        count += 1
    return body[:count], body[count:]


def column(text: str) -> dict:
    name, kind, *rest = text.split()
    return {"name": name, "type": kind, "from": rest[-1] if "from" in rest else name}


def cells(line: str) -> tuple[list[str], str]:
    r"""The cells of `| a | b |`, and what follows the last bar; `\|` is a bar in a cell."""
    parts = re.split(r"(?<!\\)\|", line)
    return [part.strip().replace("\\|", "|") for part in parts[1:-1]], parts[-1]


def records(body: list[str]) -> list[Record]:
    found, names = [], []
    for line in (line.strip() for line in body):
        if not line or line.startswith("idle"):
            continue
        if not line.startswith("|"):
            value, _, comment = line.rpartition(" -- ") if " -- " in line else (line, "", "")
            found.append(Record(None, re.sub(r"^\d+> ", "", value), fates(comment)))
            continue
        values, comment = cells(line)
        if names:
            fields = {n: c for n, c in zip(names, values) if c and n not in ("#", "@key")}
            value = "{" + ", ".join(f"{json.dumps(n)}: {as_json(c)}" for n, c in fields.items()) + "}"
            key = dict(zip(names, values)).get("@key")
            found.append(Record(key, value if fields else None, fates(comment)))
        names = names or values
    return found


def as_json(cell: str) -> str:
    """A cell as JSON: as written if it is that, or else as text. DuckDB's JSON has floats alone beyond 18 digits: those are texts too."""
    try:
        number = json.loads(cell, parse_int=str, parse_float=str, parse_constant=lambda text: json.loads(""))
    except json.JSONDecodeError:
        return json.dumps(cell)
    return json.dumps(cell) if isinstance(number, str) and len(re.sub(r"\D", "", cell)) > 15 else cell


def fates(comment: str) -> list[tuple[str, str]]:
    """`REASON [in STREAM]; …`: what keeps a record from being used."""
    found = re.fullmatch(r"(?:--)?\s*([A-Z]\w+(?: in \w+)?(?:\s*;\s*[A-Z]\w+(?: in \w+)?)*)\s*", comment.strip())
    return [tuple((part.strip() + " in ").split(" in ")[:2]) for part in found[1].split(";")] if found else []


def read(cell: str, kind: str):
    """A cell of expected rows, in the form in which rows are compared."""
    if cell == "null":
        return None
    try:
        if kind in ("DOUBLE", "FLOAT"):
            return canonical(float(cell), kind)
        if kind == "VARCHAR":
            return json.loads(cell) if cell.startswith('"') else cell
        if kind == "BOOLEAN":
            return {"true": True, "false": False}[cell]
        if kind.startswith("TIMESTAMP"):
            return micros(datetime.fromisoformat(cell))
        return cell if kind == "DATE" else Decimal(cell)
    except (ValueError, KeyError, InvalidOperation):
        return f"{cell}, which is no {kind}"


def written(value) -> str:
    """A value as a cell."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).replace("|", "\\|")
    special = isinstance(value, str) and (value in ("", "null") or value != value.strip() or re.search(r'["\x00-\x1f]', value))
    return json.dumps(text, ensure_ascii=False) if special else text
