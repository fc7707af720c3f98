"""The verdict: whether a pipeline's output topics hold exactly what its SQL gives over the same records."""

from collections.abc import Collection

from harness.kafka import Kafka
from harness.manifests import Example
from harness.oracle import Oracle
from harness.rows import Reader, Record, appended, difference, upserted


def assert_exact(kafka: Kafka, example: Example, oracle: Oracle, but: Collection[str] = ()):
    """Compares every output of a pipeline, but for those of some streams, row by row, and says how many rows were equal."""
    compared = 0
    for output in example.outputs:
        if output.stream in ("deadLetter", "alerts", *but):
            continue
        expected = oracle.rows(output.stream)
        assert expected.rows, f"{output.stream} has no rows to compare"
        records = (Record(m.partition(), m.key(), m.value()) for m in kafka.read_committed(output.topic))
        read = upserted if output.upsert else appended
        wrong = difference(expected.counted(), read(records, Reader(expected.columns, output.epoch_millis)))
        assert wrong is None, f"{output.stream} is not exact: {wrong}"
        print(f"{output.stream}: {len(expected.rows):,} rows, equal")
        compared += 1
    assert compared, f"{example.name} writes nothing that can be compared"
