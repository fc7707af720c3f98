"""Rules that are edited while a pipeline runs on a real Kafka."""

import json
import time
from decimal import Decimal
from pathlib import Path

from harness.kafka import Kafka
from harness.payments import PARTITIONS, payments, write, write_manifests
from harness.tidemill import Tidemill
from harness.waiting import wait_until

BATCH = 200
LIMIT = """\
  stream: payments
  mode: {mode}
  when: {when}
  parameters: {{limit: {limit}}}
"""
# Every payment raises one, so that it can be told when all have been judged.
ALL = "  stream: payments\n  when: amount >= 0\n"


def rules(limit: int, mode: str = "Enforce", when: str = "amount > :limit") -> dict[str, str]:
    return {"limit": LIMIT.format(limit=limit, mode=mode, when=when), "all": ALL}


def test_rules_take_effect_while_a_pipeline_runs(kafka: Kafka, tidemill: Tidemill, tag, tmp_path, seed):
    kafka.make_topic(f"payments-{tag}", PARTITIONS)
    kafka.make_topic(f"alerts-{tag}", 2)
    manifests = write_manifests(tmp_path / "manifests", tag, rules(5000))
    run = tidemill.run(manifests, kafka=kafka.bootstrap, state=tmp_path / "state")
    rows = payments(seed, 4 * BATCH)
    batches = [rows[i * BATCH : (i + 1) * BATCH] for i in range(4)]

    assert judged(kafka, tag, batches[0]) == over(batches[0], 5000, 1)
    edit(manifests, tag, rules(8000), run.log, "limit (version 2)")
    assert judged(kafka, tag, batches[1]) == over(batches[1], 8000, 2)
    edit(manifests, tag, rules(1, when="amuont > :limit"), run.log, "did you mean `amount`?")
    assert judged(kafka, tag, batches[2]) == over(batches[2], 8000, 2), "the last good version goes on"
    edit(manifests, tag, rules(1, mode="Disabled"), run.log, "goes on with the rules all (version 1)")
    assert judged(kafka, tag, batches[3]) == {}
    assert run.running()


def edit(manifests: Path, tag: str, to: dict[str, str], log: Path, says: str):
    """Writes other rules, and waits until it is said what has become of that."""
    before, began = log.stat().st_size, time.monotonic()
    new = write_manifests(manifests.parent / "new", tag, to)
    (new / "rules.yaml").rename(manifests / "rules.yaml")
    new.rmdir()
    wait_until(lambda: says in log.read_text()[before:], 10, f"`{says}` to be said", pause=0.05)
    print(f"`{says}` after {time.monotonic() - began:.1f} s")


def judged(kafka: Kafka, tag: str, rows: list[dict]) -> dict[int, int]:
    """Writes payments, and waits until all have been judged: those that are over the limit, with the rule's version."""
    write(kafka.bootstrap, f"payments-{tag}", rows)
    numbers = {row["id"] for row in rows}
    found: dict[str, dict[int, int]] = {}

    def all_judged() -> bool:
        found.update(limit={}, all={})
        for message in kafka.read_committed(f"alerts-{tag}"):
            alert = json.loads(message.value())
            (record,) = alert["evidence"]["records"]
            if record["row"]["id"] in numbers:
                found[alert["rule"]][record["row"]["id"]] = alert["rule_version"]
        return len(found["all"]) == len(rows)

    wait_until(all_judged, 60, "all payments to be judged", pause=0.5)
    return found["limit"]


def over(rows: list[dict], limit: int, version: int) -> dict[int, int]:
    return {row["id"]: version for row in rows if Decimal(row["amount"]) > limit}
