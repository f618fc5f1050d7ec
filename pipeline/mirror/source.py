"""DuckDB's side of the mirror: what changed since the last time, and the readings of a moment of the past.

Everything is read at once and let go of before anybody waits for PostgreSQL: a long look would hold up
DuckDB's checkpoints.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.connection import one, registered, transaction
from pipeline.measure import all_readings
from pipeline.report import last_refresh

KEY = ("span", "dimension", "metric", "member")
FIGURES = ("numerator", "denominator", "value", "low", "high")
_COLUMNS = ", ".join((*KEY, *FIGURES))


class Store(Protocol):
    """What the mirror needs of a database."""

    def reading(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A connection of its own to read by."""


class Changes(NamedTuple):
    """What `metrics` has become: `written` is new or another figure, `gone` are keys; `now` is all of it.

    `posted`: the number of the last transaction of events. `late`: when the earliest of the events
    happened that came since the last time.
    """

    as_of: datetime
    posted: int
    late: datetime | None
    written: pa.Table
    gone: pa.Table
    now: pa.Table


class Source:
    """A database that is mirrored."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def identity(self, new: Callable[[], str]) -> str:
        """What tells this database from all others; `new` gives it where it has none yet."""
        with self._store.reading() as con, transaction(con):
            con.execute("create table if not exists internal.mirror (identity varchar not null)")
            known: str | None = one(con, "select identity from internal.mirror")
            if known is None:
                known = new()
                con.execute("insert into internal.mirror values ($1)", [known])
        return known

    def posted(self) -> int:
        """The number of the last transaction of events."""
        with self._store.reading() as con:
            number: int = one(con, "select posted from internal.progress")
        return number

    def earliest(self) -> datetime | None:
        """When the first event happened; this reads all of them."""
        with self._store.reading() as con:
            moment: datetime | None = one(con, "select min(occurred_at) from internal.events")
        return moment

    def changes(self, before: pa.Table | None, as_of: datetime | None, posted: int) -> Changes | None:
        """What there is to be told since `as_of` and `posted`; None if it was not refreshed since.

        `before`: the readings that were told last, or None, and all of them are told.
        """
        with self._store.reading() as con, transaction(con):
            refreshed = last_refresh(con)
            if refreshed is None or (before is not None and refreshed == as_of):
                return None
            now = con.execute(f"select {_COLUMNS} from metrics").to_arrow_table()
            with registered(con, {"mirrored": now.schema.empty_table() if before is None else before}):
                return Changes(
                    refreshed,
                    one(con, "select posted from internal.progress"),
                    one(con, "select min(occurred_at) from internal.events where posted > $n", {"n": posted}),
                    con.execute(_WRITTEN).to_arrow_table(),
                    con.execute(_GONE).to_arrow_table(),
                    now,
                )

    def at(self, as_of: datetime, spans: Sequence[str]) -> pa.Table:
        """The readings of these spans, by every dimension, at any moment."""
        with self._store.reading() as con, transaction(con):
            select = all_readings(con, "select $as_of", spans)
            return con.execute(f"select {_COLUMNS} from ({select})", {"as_of": as_of}).to_arrow_table()


_WRITTEN = f"select {_COLUMNS} from metrics except select {_COLUMNS} from mirrored"
_GONE = f"select {', '.join(KEY)} from mirrored anti join metrics using ({', '.join(KEY)})"
