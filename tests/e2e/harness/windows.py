"""Window table functions as subqueries, for an engine that has none.

Each is a function of its arguments as written, and gives a query over the rows of its table with `window_start` and `window_end`.
"""

import re

EPOCH = "TIMESTAMP '1970-01-01'"


def tumble(table: str, time: str, size: str) -> str:
    start = f"time_bucket({size}, {time}, {EPOCH})"
    return f"SELECT *, {start} AS window_start, {start} + {size} AS window_end FROM {table}"


def hop(table: str, time: str, slide: str, size: str) -> str:
    first = f"time_bucket({slide}, {time} - {size}, {EPOCH}) + {slide}"
    last = f"time_bucket({slide}, {time}, {EPOCH})"
    starts = f"SELECT *, unnest(range({first}, {last} + {slide}, {slide})) AS window_start FROM {table}"
    return f"SELECT *, window_start + {size} AS window_end FROM ({starts})"


def cumulate(table: str, time: str, step: str, size: str) -> str:
    start = f"time_bucket({size}, {time}, {EPOCH})"
    first = f"time_bucket({step}, {time}, {EPOCH}) + {step}"
    return f"SELECT *, {start} AS window_start, unnest(range({first}, {start} + {size} + {step}, {step})) AS window_end FROM {table}"


def session(table: str, time: str, gap: str, keys: list[str]) -> str:
    """Of the rows with the same keys, those that come within the gap after another are one session."""
    of_key = f"PARTITION BY {', '.join(keys)}" if keys else ""
    of_session = f"PARTITION BY {', '.join([*keys, 'session'])}"
    begins = f"SELECT *, CAST({time} - lag({time}) OVER ({of_key} ORDER BY {time}) > {gap} AS INTEGER) AS begins FROM {table}"
    numbered = f"SELECT *, sum(coalesce(begins, 0)) OVER ({of_key} ORDER BY {time}) AS session FROM ({begins})"
    bounds = f"min({time}) OVER ({of_session}) AS window_start, max({time}) OVER ({of_session}) + {gap} AS window_end"
    return f"SELECT * EXCLUDE (begins, session), {bounds} FROM ({numbered})"


def count_window(table: str, rows: str, keys: list[str], order: str) -> str:
    """Of the rows with the same keys each so many are one window, in an order of `ts`; one that is not full is none."""
    of_key = f"PARTITION BY {', '.join(keys)}" if keys else ""
    of_window = f"PARTITION BY {', '.join([*keys, 'counted'])}"
    numbered = f"SELECT *, (row_number() OVER ({of_key} ORDER BY {order}) - 1) // {rows} AS counted FROM {table}"
    bounds = f"min(ts) OVER ({of_window}) AS window_start, max(ts) OVER ({of_window}) + INTERVAL '1' MICROSECOND AS window_end"
    return f"SELECT * EXCLUDE (counted), {bounds} FROM ({numbered}) QUALIFY count(*) OVER ({of_window}) = {rows}"


WINDOWS = {"TUMBLE": tumble, "HOP": hop, "CUMULATE": cumulate, "SESSION": session, "COUNT_WINDOW": count_window}
BOUNDS = ("window_start", "window_end", "window_time")
CALL = re.compile(rf"\b({'|'.join(WINDOWS)})\s*\(", re.I)


def spelled_out(sql: str, order: str = "ts") -> str:
    """A query with its windows written as subqueries, in either spelling: TUMBLE(t, …) or TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), …)).

    `order` is that of rows that are counted.
    """
    has_time = "window_time" in sql
    while call := CALL.search(sql):
        inside, end = arguments(sql, call.end())
        plain = [re.sub(r"^TABLE\s+|^DESCRIPTOR\s*\(\s*(.*?)\s*\)$", r"\1", a, flags=re.I) for a in inside]
        start = call.start()
        if wrapper := re.search(r"\bTABLE\s*\(\s*$", sql[:start], re.I):
            start, end = wrapper.start(), sql.index(")", end) + 1
        if call[1].upper() in ("SESSION", "COUNT_WINDOW"):
            plain.append(keys(sql[end:]))
        if call[1].upper() == "COUNT_WINDOW":
            plain.append(order)
        windows = WINDOWS[call[1].upper()](*plain)
        if has_time:
            windows = f"SELECT *, window_end - INTERVAL '1' MICROSECOND AS window_time FROM ({windows})"
        sql = f"{sql[:start]}({windows}){sql[end:]}"
    return sql


def keys(rest: str) -> list[str]:
    """What the rows after a FROM are grouped by, other than windows: columns."""
    grouping = re.search(r"\bGROUP\s+BY\s+([\w\s,]+?)(?:\bHAVING\b|$|\))", rest, re.I)
    return [key for key in re.split(r"\s*,\s*", grouping[1].strip()) if key.lower() not in BOUNDS] if grouping else []


def arguments(sql: str, start: int) -> tuple[list[str], int]:
    """The arguments of a call from its opening parenthesis on, and where it ends."""
    depth, begin, found = 1, start, []
    for i in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[i], 0)
        if depth == 0 or (depth == 1 and sql[i] == ","):
            found.append(sql[begin:i].strip())
            begin = i + 1
        if depth == 0:
            return found, i + 1
    raise ValueError(f"a call has no end: {sql[start:]}")
