"""Which decoded events are accepted: seen for the first time, and within the times asked for."""

from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from pipeline.arrivals import Numbers
from pipeline.connection import registered
from pipeline.decode import DECODED
from pipeline.sql import load

Between = tuple[datetime | None, datetime | None]
"""The earliest and the latest moment asked for, both included; None: no limit."""


class Accepted(NamedTuple):
    """The fresh events, columns as they came; and the running numbers of the others."""

    fresh: pa.Table
    duplicates: Numbers
    outside: Numbers


def accept(con: DuckDBPyConnection, events: pa.Table, between: Between) -> Accepted:
    """Set duplicates, and events outside the times asked for, apart from the fresh ones."""
    inside = events if between == (None, None) else events.filter(_is_inside(between))
    outside = [] if len(inside) == len(events) else _less(events, inside["n"].to_numpy())["n"].to_numpy()
    duplicates = _stale(con, inside)
    return Accepted(_less(inside, duplicates), duplicates, outside)


def _stale(con: DuckDBPyConnection, events: pa.Table) -> Numbers:
    """The running numbers of duplicates: suspects are found by numbers only, since nearly none is one."""
    times = pc.min_max(events["occurred_at"]).as_py()
    between = {"earliest": times["min"], "latest": times["max"]}
    with registered(con, {"decoded": events}):
        suspects: Numbers = con.execute(load("suspect"), between).fetchnumpy()["n"]
    if len(suspects) == 0:
        return suspects
    with registered(con, {"suspects": events.filter(_among(events, suspects))}):
        duplicates: Numbers = con.execute(load("stale"), between).fetchnumpy()["n"]
    return duplicates


def _is_inside(between: Between) -> pc.Expression:
    earliest, latest = between
    inside = pc.scalar(True)
    if earliest is not None:
        inside = inside & (pc.field("occurred_at") >= pa.scalar(earliest, DECODED.field("occurred_at").type))
    if latest is not None:
        inside = inside & (pc.field("occurred_at") <= pa.scalar(latest, DECODED.field("occurred_at").type))
    return inside


def _less(events: pa.Table, numbers: Numbers) -> pa.Table:
    """The events but those of these running numbers."""
    if len(numbers) == 0:
        return events
    return events.filter(pc.invert(_among(events, numbers)))


def _among(events: pa.Table, numbers: Numbers) -> pa.ChunkedArray:
    """Which events have one of these running numbers, as a mask."""
    return pc.is_in(events["n"], pa.array(numbers, pa.int32()))
