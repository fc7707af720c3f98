"""A stream joined with a large table: what a worker takes to hold all customers, and to look one up for each transaction.

All is written before the worker starts. It reads the table to its end, then the stream, and ends. In the end each transaction
must be there once, with what its customer is called.
"""

import json
from datetime import date, timedelta

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from contenders import HERE, Place
from feeding import feed
from measure import Failed, run

CUSTOMERS, TRANSACTIONS, OUTPUT = "table-customers", "table-transactions", "table-out"
BEGIN = 1_704_110_400_000
# A stride that no number of customers in use is a multiple of, so that neighbours in the stream are far apart in the table.
STRIDE = 7_368_787
SILENCE = 30


def customer(number: int) -> dict:
    born = date(1940, 1, 1) + timedelta(days=number % 25_000)
    name = f"Customer Number {number}"
    return {"customer_id": f"C{number:09}", "name": name, "email": f"customer.{number}@example.com", "birthdate": born.isoformat()}


def transaction(number: int, customers: int) -> dict:
    who = number * STRIDE % customers
    return {"transaction_id": number, "customer_id": f"C{who:09}", "amount": f"{number % 1_000_000 / 100:.2f}", "ts": BEGIN + number}


def measure(place: Place, customers: int, transactions: int, partitions: int, limit: float) -> dict:
    """Writes both topics, has them joined, and returns the figures."""
    written = feed(place.bootstrap, CUSTOMERS, (customer(n) for n in range(customers)), "customer_id")
    feed(place.bootstrap, TRANSACTIONS, (transaction(n, customers) for n in range(transactions)), "customer_id")
    command = [str(place.tidemill), "run", str(HERE / "tidemill-table"), "--kafka", place.bootstrap, "--bounded"]
    cost = run([*command, "--state", str(place.work / "table-state")], place.work / "table.log", limit)
    assert_each_once(place.bootstrap, customers, transactions, partitions)
    return {
        "customers": customers,
        "transactions": transactions,
        "table_mb_as_written": round(written / 1e6),
        "peak_mb": round(cost.peak_mb),
        "cpu_seconds": round(cost.cpu_seconds, 1),
        "seconds": round(cost.seconds, 1),
        "records_per_cpu_second": round((customers + transactions) / cost.cpu_seconds),
    }


def assert_each_once(bootstrap: str, customers: int, transactions: int, partitions: int):
    """Reads committed rows until each transaction has come, with its customer."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "bench-table-reader", "isolation.level": "read_committed", "log_level": 3}
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(OUTPUT, p, OFFSET_BEGINNING) for p in range(partitions)])
    seen, rows = bytearray(transactions), 0
    while rows < transactions:
        messages = consumer.consume(10_000, timeout=SILENCE)
        if not messages:
            break
        for row in (json.loads(message.value()) for message in messages if message.error() is None):
            number = row["transaction_id"]
            sent = transaction(number, customers)
            expected = sent | customer(int(sent["customer_id"][1:]))
            if any(row[column] != expected[column] for column in ("customer_id", "name", "email", "birthdate")):
                raise Failed(f"a row is wrong: {row}, expected {expected}")
            seen[number] += 1
            rows += 1
    consumer.close()
    missing, repeated = seen.count(0), sum(count > 1 for count in seen)
    if missing or repeated:
        raise Failed(f"of {transactions:,} transactions {missing:,} are missing and {repeated:,} repeated")
