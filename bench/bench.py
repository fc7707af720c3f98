"""The same job in Tidemill, Flink and Kafka Streams, on the same topic, one after the other.

Per account, the sum and count of every 10 seconds of event time (records come up to 2 s out of order), exactly once, JSON in
and out. Each contender reads the whole input and ends; its output is compared with the truth, to the cent, before its figures
count. Two cores for everybody, the broker included.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

import latency as latencies
import rules as alert_rules
import state as states
import table as tables
from contenders import CONTENDERS, Contender, Place, compile_java, java
from measure import Failed, FirstRow, run

PARTITIONS = 8
SEED = 42
LATENCY_RATE = 10_000
LATENCY_SECONDS = 30


def main() -> int:
    args = arguments()
    if args.latency:
        return latency(args)
    if args.state:
        return state(args)
    if args.table:
        return table(args)
    if args.rules is not None:
        return rules(args)
    chosen = [c for c in CONTENDERS if not args.only or c.name in args.only]
    place = Place(args.kafka, "tx", args.work, args.cache, args.kafka_jars, args.tidemill)
    compile_java(place.classes("gen"), place.kafka_jars, "gen", "check")
    for contender in chosen:
        contender.build(place)
    generate(place, args.records)
    results = [measure(place, contender, args.records, args.limit) for contender in chosen]
    print("\n" + side_by_side(results, args.records), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"records": args.records, "partitions": PARTITIONS, "results": results}, indent=2) + "\n")
    return 1 if any(result.get("failed") for result in results) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000, help="how many (default 2,000,000)")
    parser.add_argument("--only", nargs="+", choices=[c.name for c in CONTENDERS], help="these contenders alone")
    parser.add_argument("--latency", action="store_true", help="how long Tidemill takes with a record, at 10,000 a second")
    parser.add_argument("--state", action="store_true", help="state larger than memory: open sessions, reading them back, a rebalance")
    parser.add_argument("--keys", type=int, default=1_000_000, help="how many sessions are open (default 1,000,000)")
    parser.add_argument("--table", action="store_true", help="a stream joined with a large table")
    parser.add_argument("--customers", type=int, default=1_000_000, help="how many rows the table has (default 1,000,000)")
    parser.add_argument("--rules", nargs="*", type=int, help="what so many alert rules cost (default 0 1 3 10 100 1000, and 3 in Flink)")
    parser.add_argument("--memory", default="512Mi", help="what a worker may take then (default 512Mi)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--limit", type=float, default=900, help="seconds that one contender may take (default 900)")
    for given in ("--kafka", "--work", "--cache", "--kafka-jars", "--tidemill"):
        parser.add_argument(given, required=True, type=str if given == "--kafka" else Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def latency(args: argparse.Namespace) -> int:
    place = Place(args.kafka, latencies.TOPIC, args.work, args.cache, args.kafka_jars, args.tidemill)
    make_topic(place.bootstrap, latencies.TOPIC)
    make_topic(place.bootstrap, latencies.OUTPUT)
    print(f"{LATENCY_RATE:,} records a second for {LATENCY_SECONDS} s, 100 ms commits (load {os.getloadavg()[0]:.1f})", flush=True)
    result = latencies.measure(place, LATENCY_RATE, LATENCY_SECONDS, PARTITIONS)
    print("record to committed row: " + ", ".join(f"{name[:-3]} {ms} ms" for name, ms in result.items()), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"rate": LATENCY_RATE, "seconds": LATENCY_SECONDS, **result}, indent=2) + "\n")
    return 0


def state(args: argparse.Namespace) -> int:
    place = Place(args.kafka, states.TOPIC, args.work, args.cache, args.kafka_jars, args.tidemill)
    make_topic(place.bootstrap, states.TOPIC)
    make_topic(place.bootstrap, states.OUTPUT)
    print(f"{args.keys:,} open sessions in {args.memory} (load {os.getloadavg()[0]:.1f})", flush=True)
    return show(states.measure(place, args.keys, args.memory, PARTITIONS), args)


def table(args: argparse.Namespace) -> int:
    place = Place(args.kafka, tables.TRANSACTIONS, args.work, args.cache, args.kafka_jars, args.tidemill)
    for topic in (tables.CUSTOMERS, tables.TRANSACTIONS, tables.OUTPUT):
        make_topic(place.bootstrap, topic)
    print(f"{args.customers:,} customers joined with {args.records:,} transactions (load {os.getloadavg()[0]:.1f})", flush=True)
    return show(tables.measure(place, args.customers, args.records, PARTITIONS, args.limit), args)


def rules(args: argparse.Namespace) -> int:
    place = Place(args.kafka, "tx", args.work, args.cache, args.kafka_jars, args.tidemill)
    compile_java(place.classes("gen"), place.kafka_jars, "gen", "check")
    generate(place, args.records)
    counts = args.rules or [0, 1, 3, 10, 100, 1000]
    for name in [*map(alert_rules.topic, counts), alert_rules.FLINK_ALERTS]:
        make_topic(place.bootstrap, name)
    return show(alert_rules.measure(place, counts, args.records, PARTITIONS, args.limit, beside=not args.rules), args)


def show(figures: dict, args: argparse.Namespace) -> int:
    print("\n".join(f"{name.replace('_', ' ')}: {figure}" for name, figure in figures.items()), flush=True)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def generate(place: Place, records: int):
    make_topic(place.bootstrap, place.input_topic)
    command = java(place.classes("gen"), place.kafka_jars, "Generate", place.bootstrap, place.input_topic, records, SEED)
    subprocess.run(command, check=True)


def make_topic(bootstrap: str, name: str):
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    # Flink writes rows under their event time, which is long ago: retention must not take them before they are checked.
    topic = NewTopic(name, PARTITIONS, 1, config={"retention.ms": "-1"})
    for future in admin.create_topics([topic]).values():
        future.result(30)


def measure(place: Place, contender: Contender, records: int, limit: float) -> dict:
    """Runs a contender by itself, checks its output, and returns its figures, or why there are none."""
    print(f"{contender.name}: {contender.what} (load {os.getloadavg()[0]:.1f})", flush=True)
    result = {"name": contender.name, "what": contender.what, "load_before": os.getloadavg()[0]}
    first_row = None
    try:
        if contender.output:
            make_topic(place.bootstrap, contender.output)
            first_row = FirstRow(place.bootstrap, contender.output, PARTITIONS)
            first_row.start()
        start = time.monotonic()
        cost = run(contender.command(place), place.work / f"{contender.name}.log", limit)
        result |= asdict(cost) | {"records_per_cpu_second": records / cost.cpu_seconds}
        if first_row:
            first_row.stop()
            result["first_row_seconds"] = first_row.at and first_row.at - start
            result["check"] = check(place, contender, records)
    except Failed as failure:
        print(f"  FAILED: {failure}", flush=True)
        result["failed"] = str(failure)
    finally:
        if first_row:
            first_row.stop()
    return result


def check(place: Place, contender: Contender, records: int) -> str:
    """Compares a contender's output with the truth and returns the verdict."""
    end = ["open-end"] if contender.open_end else []
    command = java(place.classes("gen"), place.kafka_jars, "Check", place.bootstrap, contender.output, records, SEED, *end)
    done = subprocess.run(command, capture_output=True, text=True)
    print(f"  {done.stdout.strip()}", flush=True)
    if done.returncode != 0:
        raise Failed(f"wrong output: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def side_by_side(results: list[dict], records: int) -> str:
    rows = [("contender", "records per CPU s", "CPU s", "wall s", "peak MB", "first row s", "output")]
    for r in results:
        if r.get("failed"):
            rows.append((r["what"], "failed", "", "", "", "", r["failed"].splitlines()[0][:40]))
            continue
        first = r.get("first_row_seconds")
        rows.append((
            r["what"],
            f"{r['records_per_cpu_second']:,.0f}",
            f"{r['cpu_seconds']:.1f}",
            f"{r['seconds']:.1f}",
            f"{r['peak_mb']:,.0f}",
            f"{first:.1f}" if first else "-",
            r.get("check", "-").split(":")[0],
        ))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [" | ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))) for row in rows]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return f"{records:,} records, {PARTITIONS} partitions, {os.cpu_count()} cores\n" + "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
