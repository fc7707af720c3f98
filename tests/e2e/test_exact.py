"""The examples on Kafka with two workers: every output equals, row by row, what another engine computes in one batch."""

from itertools import islice

import pytest

from harness.exactness import assert_exact
from harness.feed import Feed
from harness.manifests import ROOT, isolate
from harness.oracle import Oracle
from harness.records import account_activity, financial_transactions

PARTITIONS = 8
INPUTS = {"account-activity": account_activity, "moving-windows": account_activity, "pace": account_activity, "sales": financial_transactions}
SPANS = {"account-activity": 2_000, "moving-windows": 5_000, "pace": 5_000, "sales": 400 * 86_400}  # seconds of event time that the records cover


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", INPUTS)
def test_two_workers_give_what_the_sql_says(name, kafka, tidemill, tag, records, seed, tmp_path):
    (example,) = isolate(ROOT / "examples" / name, tmp_path, tag)
    kafka.make_topic(example.input_topic, PARTITIONS)
    feed = Feed(kafka.bootstrap, example.input_topic, PARTITIONS, tmp_path / "input.jsonl")
    feed.write(islice(INPUTS[name](seed, example.disorder, step=SPANS[name] / records), records))
    print(f"{name}: {feed.written:,} records over {PARTITIONS} partitions")

    workers = [
        tidemill.run(example.folder, kafka=kafka.bootstrap, state=tmp_path / worker, bounded=True, name=worker)
        for worker in ("worker-1", "worker-2")
    ]
    for worker in workers:
        worker.succeed(limit=120 + records / 1_000)

    assert_exact(kafka, example, Oracle(example.pipeline, {example.source["name"]: feed.file}))
