"""Touchpoints as records, records as batches, batches into a store; and what must come of them.

values = [record("e1"), record("e2", NOON, "survey", csat=5)]
with new_store(tmp_path / "x.duckdb") as store:
    store.ingest([batch(values)], NOW)
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from math import isclose
from pathlib import Path
from typing import Any

import duckdb
from oracle import Event, Reading, apply, duration, readings
from oracle_verdicts import verdict

from pipeline.batch import RecordBatch
from pipeline.cells import FOLD_FACTS
from pipeline.database import open_writer
from pipeline.schema import TABLES, create_schema
from pipeline.settings import Definitions
from pipeline.store import Store
from pipeline.sums import KINDS

NOW = datetime(2026, 12, 24, tzinfo=UTC)
NOON = datetime(2026, 11, 8, 12, tzinfo=UTC)
TOPIC = "touchpoints"
NOT_EMPTIED = {"definitions", "progress", "names", "facts"}
IN_MAIN = {"watermarks", "metrics", "flips", "silences"}
NUMBERS = "metric, member, numerator, denominator, value, low, high"


def record(name: str, at: datetime | str = NOON, kind: str = "contact", **data: Any) -> bytes:
    """One valid event's bytes; the contact id of a contact is its name unless told otherwise."""
    time = at if isinstance(at, str) else at.isoformat()
    whole = {"customer_id": "c1", "channel": "phone"} | ({"contact_id": name} if kind == "contact" else {})
    event = {"specversion": "1.0", "id": name, "source": "crm", "type": f"touchpoint.{kind}.v1"}
    return json.dumps({**event, "time": time, "data": whole | data}).encode()


def batch(
    values: Sequence[bytes | None],
    start: int = 0,
    partition: int = 0,
    stop: int | None = None,
    offsets: Sequence[int] | None = None,
) -> RecordBatch:
    """The records as offsets [start, stop) of a partition, one after the other unless told otherwise."""
    found = RecordBatch(TOPIC, partition, start, start + len(values) if stop is None else stop)
    found.offsets = range(start, start + len(values)) if offsets is None else offsets
    found.values = list(values)
    return found


@contextmanager
def new_store(
    path: Path | str, definitions: Definitions | None = None, fold_facts: int = FOLD_FACTS
) -> Iterator[Store]:
    """A store on a database file, made where it is not there."""
    with Store(open_writer(Path(path), definitions or Definitions(), create_schema), fold_facts) as store:
        yield store


@contextmanager
def in_memory(definitions: Definitions | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory; one thread, since small transactions only lose by more."""
    with duckdb.connect(":memory:") as con:
        con.execute("set global TimeZone = 'UTC'; set threads = 1")
        create_schema(con, definitions or Definitions())
        yield con


def emptied(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The same database without a record (making a new one takes ten times as long)."""
    for table in [*TABLES, *(f"cells_of_{counts}" for counts in KINDS), "revisions"]:
        if table not in NOT_EMPTIED:
            con.execute(f"delete from {'main' if table in IN_MAIN else 'internal'}.{table}")
    con.execute("update internal.progress set posted = 0, folded = 0")
    return con


def accepted(values: Iterable[bytes | None]) -> list[Event]:
    """The oracle's accepted events of some records, in the order they are consumed."""
    events = (verdict(value, None).event for value in values if value is not None)
    return apply(event for event in events if event is not None)[0]


def rows_at(con: duckdb.DuckDBPyConnection, as_of: Any, span: str, dimension: str = "all") -> dict[Any, Any]:
    """`metrics_at` as {(metric, member): (numerator, denominator, value, low, high)}."""
    found = con.execute(f"select {NUMBERS} from metrics_at($1, $2, $3)", [as_of, span, dimension]).fetchall()
    return {(metric, member): tuple(numbers) for metric, member, *numbers in found}


def assert_same(ours: Mapping[Any, Any], theirs: Mapping[Any, Reading]) -> None:
    """Exact counts; value and interval to the last digits of a double."""
    assert ours.keys() == theirs.keys()
    for key, (numerator, denominator, *floats) in ours.items():
        reading = theirs[key]
        assert (numerator, denominator) == (Decimal(reading.numerator), reading.denominator), key
        for found, asked in zip(floats, (reading.value, reading.low, reading.high), strict=True):
            assert (found is None) == (asked is None), (key, found, asked)
            assert found is None or isclose(found, asked, rel_tol=1e-9, abs_tol=1e-9), (key, found, asked)


def assert_equals_oracle(
    con: duckdb.DuckDBPyConnection,
    events: Sequence[Event],
    as_of: datetime,
    span: str,
    dimension: str = "all",
    **settings: Any,
) -> None:
    """`metrics_at` says what the oracle says of the accepted events."""
    assert_same(
        rows_at(con, as_of, span, dimension), readings(events, as_of, duration(span), dimension, **settings)
    )
