"""What should come out: a pipeline's SQL, run by DuckDB over the same records in one batch.

The meaning of a stream is its SQL. Here another engine reads the records from a file of JSON lines, with its own JSON reader,
and answers the query as it stands; only the window function is spelled out.
"""

from pathlib import Path

import duckdb

from harness.rows import Column, Rows
from harness.windows import spelled_out

TYPES = {"String": "VARCHAR", "Boolean": "BOOLEAN", "Int32": "INTEGER", "Int64": "BIGINT", "Float64": "DOUBLE", "Date": "DATE"}
IN_ORDER = "ts, rowid"  # of a source: rows of one time are as they stand in the file, and so in their partition
DELETED = "$deleted"  # the field of a table's file that names the key of a row that is deleted
EPOCH_SECONDS_BELOW = 100_000_000_000  # more than this and a number means milliseconds


class Oracle:
    """A pipeline's streams over the records in a file."""

    def __init__(self, pipeline: dict, records: dict[str, Path]):
        """`records` has a file of JSON lines for each source."""
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'; SET threads = 2")
        for source in pipeline["spec"]["sources"]:
            if source["name"] in records:
                self._add_source(source, records[source["name"]])
        for stream in pipeline["spec"].get("streams", []):
            self.db.execute(f"CREATE VIEW {quoted(stream['name'])} AS {spelled_out(stream['sql'], IN_ORDER)}")

    def rows(self, stream: str) -> Rows:
        """What a stream finally holds."""
        result = self.db.execute(f"SELECT * FROM {quoted(stream)}")
        columns = [Column(name, str(kind)) for name, kind, *_ in result.description]
        return Rows(columns, result.fetchall())

    def _add_source(self, source: dict, file: Path):
        self.db.execute(f"CREATE TABLE raw AS SELECT json FROM read_ndjson_objects('{file}', maximum_object_size = 16777216)")
        if "table" in source:
            self._keep_latest(source)
        columns = ", ".join(f"{value_of(c)} AS {quoted(c['name'])}" for c in source["columns"])
        kept = [f"{quoted(c['name'])} IS NOT NULL" for c in source["columns"] if c.get("required")]
        kept += [f"({source['check']})"] if "check" in source else []
        where = " AND ".join(kept) or "true"
        self.db.execute(f"CREATE TABLE {quoted(source['name'])} AS SELECT * FROM (SELECT {columns} FROM raw) WHERE {where}")
        self.db.execute("DROP TABLE raw")

    def _keep_latest(self, source: dict):
        """Of a table's records, the last of each key, unless it deletes it."""
        (key,) = [c for c in source["columns"] if [c["name"]] == source["table"]["primaryKey"]]
        deleted = f"json_extract_string(json, '$.{quoted(DELETED)}')"
        of_key = f"PARTITION BY coalesce({deleted}, CAST({value_of(key)} AS VARCHAR)) ORDER BY rowid DESC"
        self.db.execute(f"CREATE TABLE latest AS SELECT json FROM (SELECT json FROM raw QUALIFY row_number() OVER ({of_key}) = 1) WHERE {deleted} IS NULL")
        self.db.execute("DROP TABLE raw; ALTER TABLE latest RENAME TO raw")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def value_of(column: dict) -> str:
    """The expression that reads a column from the record, as leniently as pipelines do."""
    path = ".".join(quoted(part) for part in column.get("from", column["name"]).split("."))
    text = f"json_extract_string(json, '$.{path}')"
    kind = column["type"]
    if kind == "Timestamp":
        number = f"TRY_CAST({text} AS DECIMAL(38, 6))"
        millis = f"CASE WHEN abs({number}) < {EPOCH_SECONDS_BELOW} THEN {number} * 1000 ELSE {number} END"
        return f"CASE WHEN {number} IS NOT NULL THEN make_timestamp(CAST({millis} * 1000 AS BIGINT)) ELSE CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
    return f"CAST({text} AS {TYPES.get(kind) or kind.upper()})"
