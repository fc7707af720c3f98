"""Rows of a table that changes while a stream is joined with it: which version a row has seen no batch knows, but each comes once,
has one that was written, and never an older one than the row before it in its partition."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from harness.kafka import Kafka


@dataclass(frozen=True)
class Seen:
    """A row of a stream by its number, as it was written, and what it was joined with."""

    number: int
    key: str
    version: int


def read_seen(kafka: Kafka, topic: str) -> list[Seen]:
    """The rows of a topic in the order in which their records were written; their names end with their numbers."""
    rows = (json.loads(message.value()) for message in kafka.read_committed(topic))
    seen = [Seen(int(row["sale"].rpartition("-")[2]), row["customer"], row["version"]) for row in rows]
    return sorted(seen, key=lambda row: row.number)


def assert_never_older(seen: list[Seen], homes: Sequence[int], latest: dict[str, int]):
    """`homes` has the partition of each record, `latest` the last version of each key that was written."""
    assert len({row.number for row in seen}) == len(seen), "a row came twice"
    before: dict[tuple[int, str], Seen] = {}
    for row in seen:
        last = before.get((homes[row.number], row.key))
        assert last is None or row.version >= last.version, f"{row} is older than {last} before it in partition {homes[row.number]}"
        assert row.version <= latest[row.key], f"{row} has a version that was never written"
        before[homes[row.number], row.key] = row
    newer = sum(row.version > 1 for row in seen)
    assert newer, "no row has seen a version that came while the stream was read"
    print(f"{len(seen):,} rows, none older than before; {newer:,} have seen what came meanwhile")
