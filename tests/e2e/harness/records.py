"""Input records of the examples, made from a seed."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

START = 1_704_067_200  # 2024-01-01T00:00:00Z
CATEGORIES = ["books", "dining", "electronics", "fuel", "groceries", "health", "rent", "travel"]
CUSTOMERS = 10_000
COUNTRIES = ["CH", "DE", "FR", "IT", "JP", "NO", "PT"]
UNKNOWN = 20  # of so many customers, one is no longer in the table


@dataclass(frozen=True)
class Input:
    """A record to be written; without a value it deletes what a table has of its key."""

    key: str
    value: bytes | None


def account_activity(seed: int, disorder: int, step: float, accounts: int = 2_000) -> Iterator[Input]:
    """Endless account movements, `step` seconds apart in event time and up to `disorder` whole seconds out of order.

    Account and timestamp are numbers in some records and text in others.
    """
    rng = random.Random(seed)
    index = 0
    while True:
        account = rng.randrange(1_000, 1_000 + accounts)
        cents = rng.randrange(-60_000, 180_000)
        time = START + int(index * step) - rng.randint(0, disorder)
        fields = {
            "account": account if rng.random() < 0.5 else str(account),
            "amount": cents / 100 if cents % 100 else cents // 100,
            "timestamp": time if rng.random() < 0.5 else str(time),
            "type": "deposit" if cents >= 0 else "withdrawal",
        }
        yield Input(str(account), json.dumps(fields).encode())
        index += 1


def financial_transactions(seed: int, disorder: int, step: float) -> Iterator[Input]:
    """Endless sales, `step` seconds apart; their dates are ISO-8601 in several spellings."""
    rng = random.Random(seed)
    index = 0
    while True:
        time = START + index * step - rng.uniform(0, disorder)
        cents = rng.randrange(1, 1_000_000)
        fields = {
            "transactionId": f"{rng.getrandbits(64):016x}-{index}",
            "customerId": customer_id(rng.randrange(CUSTOMERS)),
            "category": rng.choice(CATEGORIES),
            "merchant": f"Shop \"{rng.randrange(500)}\" – Zürich",
            "amount": cents / 100 if rng.random() < 0.9 else f"{cents / 100:.2f}",
            "transactionDate": iso8601(time, rng.randrange(4)),
        }
        yield Input(fields["transactionId"], json.dumps(fields, ensure_ascii=rng.random() < 0.5).encode())
        index += 1


def customers(seed: int) -> list[Input]:
    """A table of most customers that `financial_transactions` names, some of them written twice, some deleted again."""
    rng = random.Random(seed)
    rows = [Input(*customer(number, version)) for number in range(CUSTOMERS - 500) for version in range(rng.randint(1, 2))]
    deleted = [Input(customer_id(number), None) for number in range(0, CUSTOMERS, UNKNOWN)]
    return rows + deleted


def newer_customers(seed: int) -> Iterator[Input]:
    """Endless newer versions of customers that `customers` leaves in the table; all else that it says of them stays as it was."""
    rng = random.Random(seed)
    versions = dict.fromkeys((n for n in range(CUSTOMERS - 500) if n % UNKNOWN), 1)
    numbers = list(versions)
    while True:
        number = rng.choice(numbers)
        versions[number] += 1
        yield Input(*customer(number, versions[number]))


def customer(number: int, version: int) -> tuple[str, bytes]:
    """A customer's key and row: what it says depends on the number alone, but for the version."""
    fields = {
        "id": customer_id(number),
        "name": f"Müller & Söhne {number}",
        "country": None if number % 50 == 1 else COUNTRIES[number % len(COUNTRIES)],
        "limit": number % 9_000,
        "version": version,
    }
    return fields["id"], json.dumps(fields).encode()


def customer_id(number: int) -> str:
    return f"C{number:06}"


def iso8601(seconds: float, spelling: int) -> str:
    """A time as text, in one of four spellings of the same moment."""
    time = datetime.fromtimestamp(seconds, timezone.utc)
    match spelling:
        case 0:
            return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case 1:
            return time.isoformat(timespec="microseconds")
        case 2:
            return time.replace(tzinfo=None).isoformat(timespec="seconds")
        case _:
            return time.astimezone(timezone(timedelta(hours=2))).isoformat(timespec="milliseconds")
