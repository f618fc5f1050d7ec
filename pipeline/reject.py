"""Rejected records are kept, each with its original key and bytes, however long those are.

DuckDB holds some thousand values of a column in memory at a time, and writes a group of rows anew while
it grows: values of megabytes would exceed its memory. What is long is therefore kept in pieces.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.arrivals import Arrivals
from pipeline.connection import registered
from pipeline.judge import Verdict
from pipeline.sql import load

PIECE_BYTES = 4_000
"""Of a longer value DuckDB keeps each in a block of its own."""

_PLACE = [("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())]
REJECTED = pa.schema(
    [
        *_PLACE,
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("key", pa.binary()),
        ("payload", pa.binary()),
        ("bytes", pa.int64()),
    ]
)
PIECES = pa.schema([*_PLACE, ("part", pa.string()), ("number", pa.int32()), ("piece", pa.binary())])


class Kept(NamedTuple):
    """One rejected record's row."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    key: bytes | None
    payload: bytes | None
    bytes: int


def reject(
    con: DuckDBPyConnection, arrivals: Arrivals, verdicts: Mapping[int, Verdict], rejected_at: datetime
) -> None:
    """Store one row per rejected record, and what is too long for it."""
    rows = [_row(arrivals, n, verdict) for n, verdict in verdicts.items()]
    pieces = [piece for row in rows for piece in _pieces(row)]
    short = [row._replace(key=_if_short(row.key), payload=_if_short(row.payload)) for row in rows]
    with registered(con, {"rejected": _table(short, REJECTED), "pieces": _table(pieces, PIECES)}):
        con.execute(load("reject"), {"rejected_at": rejected_at})
        if pieces:
            con.execute("insert into internal.pieces from pieces")


def _row(arrivals: Arrivals, n: int, verdict: Verdict) -> Kept:
    key, payload = arrivals.key(n), arrivals.values[n] or b""
    return Kept(*arrivals.place(n), *verdict, key, payload, len(key or b"") + len(payload))


def _pieces(row: Kept) -> Iterator[tuple[str, int, int, str, int, bytes]]:
    for part, value in (("key", row.key), ("payload", row.payload)):
        if value is not None and _if_short(value) is None:
            for number, first in enumerate(range(0, len(value), PIECE_BYTES)):
                yield (*row[:3], part, number, value[first : first + PIECE_BYTES])


def _if_short(value: bytes | None) -> bytes | None:
    return value if value is None or len(value) <= PIECE_BYTES else None


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.table(
        [pa.array(column, each.type) for column, each in zip(columns, schema, strict=True)], schema=schema
    )
