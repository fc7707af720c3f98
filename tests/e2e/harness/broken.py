"""Records that are broken in one of twelve ways, each with the reason that must be given."""

import json
from collections.abc import Callable
from dataclasses import dataclass

LARGE = 2_000_000


@dataclass(frozen=True)
class Breakage:
    """One way to break a record: its name, what becomes of the record's fields, the reason to be given, and the column."""

    name: str
    value: Callable[[dict], bytes | None]
    reason: str
    column: str | None = None


def text(fields: dict) -> bytes:
    return json.dumps(fields).encode()


def with_(**changes) -> Callable[[dict], bytes]:
    return lambda fields: text(fields | changes)


def without(name: str) -> Callable[[dict], bytes]:
    return lambda fields: text({k: v for k, v in fields.items() if k != name})


def deep(fields: dict) -> bytes:
    return text(fields)[:-1] + b', "extra": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"


BREAKAGES = [
    Breakage("not JSON", lambda fields: b"account=" + fields["account"].encode(), "MalformedJson"),
    Breakage("truncated", lambda fields: text(fields)[:-7], "MalformedJson"),
    Breakage("wrong type", with_(quantity={"pieces": 3}), "WrongType", "quantity"),
    Breakage("missing required", without("account"), "MissingRequired", "account"),
    Breakage("failing check", with_(amount=-0.01), "CheckFailed"),
    Breakage("unreadable time", with_(timestamp="2024-13-01T00:00:00Z"), "InvalidTimestamp", "ts"),
    Breakage("overflow", with_(quantity=2**31), "OutOfRange", "quantity"),
    Breakage("deep nesting", deep, "TooDeep"),
    Breakage("2 MB", lambda fields: text(fields | {"extra": "x" * LARGE}), "TooLarge"),
    Breakage("empty", lambda fields: b"", "Empty"),
    Breakage("invalid UTF-8", lambda fields: text(fields).replace(b'"account": "', b'"account": "\xff'), "InvalidUtf8"),
    Breakage("null", lambda fields: None, "Null"),
]
