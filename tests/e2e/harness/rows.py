"""Rows, and how those that came out differ from those that should have."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SHOWN = 5


@dataclass(frozen=True)
class Column:
    """A column by name, and its type as DuckDB calls it."""

    name: str
    kind: str


@dataclass(frozen=True)
class Rows:
    """Expected rows."""

    columns: list[Column]
    rows: list[tuple]

    def counted(self) -> Counter:
        """Each row in the form in which it is compared, and how often it is there."""
        kinds = [c.kind for c in self.columns]
        return Counter(tuple(canonical(value, kind) for value, kind in zip(row, kinds)) for row in self.rows)


def canonical(value, kind: str):
    """A value in the form in which it is compared: equal numbers and times are equal, whatever they look like."""
    if value is None:
        return None
    if kind == "DOUBLE" or kind == "FLOAT":
        return f"{float(value) + 0.0:.12g}"
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, datetime):
        return micros(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def micros(time: datetime) -> int:
    """Microseconds since the epoch; a time without a zone is UTC."""
    return ((time if time.tzinfo else time.replace(tzinfo=timezone.utc)) - EPOCH) // timedelta(microseconds=1)


class Reader:
    """Reads output records as rows of known columns. Anything that does not belong there is an error."""

    def __init__(self, columns: list[Column], epoch_millis: bool):
        self.columns = columns
        self.names = [c.name for c in columns]
        self.epoch_millis = epoch_millis

    def row(self, value: bytes) -> tuple:
        fields = json.loads(value, parse_float=Decimal)
        assert sorted(fields) == sorted(self.names), f"the fields are {sorted(fields)}, expected {sorted(self.names)}: {value!r}"
        return tuple(self._value(fields[c.name], c) for c in self.columns)

    def _value(self, value, column: Column):
        if value is None:
            return None
        if column.kind.startswith("TIMESTAMP"):
            return self._time(value, column)
        wanted = str if column.kind in ("VARCHAR", "DATE") else bool if column.kind == "BOOLEAN" else (int, Decimal)
        right = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
        assert right, f"{column.name} is {value!r}, which is no {column.kind}"
        return canonical(value, column.kind)

    def _time(self, value, column: Column) -> int:
        if self.epoch_millis:
            assert isinstance(value, int), f"{column.name} is {value!r}, not milliseconds since the epoch"
            return value * 1000
        assert isinstance(value, str), f"{column.name} is {value!r}, not a time as text"
        return micros(datetime.fromisoformat(value))


def difference(expected: Counter, actual: Counter) -> str | None:
    """What is missing, too much or different, or None if nothing is."""
    missing, extra = expected - actual, actual - expected
    if not missing and not extra:
        return None
    lines = [f"{expected.total()} rows expected, {actual.total()} found; {missing.total()} missing, {extra.total()} too many"]
    lines += [f"  missing {times} x {row}" for row, times in missing.most_common(SHOWN)]
    lines += [f"  too many {times} x {row}" for row, times in extra.most_common(SHOWN)]
    return "\n".join(lines)


@dataclass(frozen=True)
class Record:
    """A record of an output topic."""

    partition: int
    key: bytes | None
    value: bytes | None


def appended(records: Iterable[Record], reader: Reader) -> Counter:
    """The rows of an output to which rows are added."""
    return Counter(reader.row(record.value) for record in records)


def upserted(records: Iterable[Record], reader: Reader) -> Counter:
    """The rows of an output in which a row replaces the one before with its key, and a null value takes it away."""
    last: dict[bytes, bytes] = {}
    home: dict[bytes, int] = {}
    for record in records:
        assert record.key is not None, f"a row without a key cannot replace another: {record.value!r}"
        assert home.setdefault(record.key, record.partition) == record.partition, f"key {record.key!r} is in two partitions"
        if record.value is None:
            last.pop(record.key, None)
        else:
            last[record.key] = record.value
    return Counter(reader.row(value) for value in last.values())
