"""Readings for the page: of `metrics`, or of another moment, never more of them than it shows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from duckdb import DuckDBPyConnection

from pipeline.connection import transaction
from pipeline.report import COLUMNS, Reading, last_refresh


@contextmanager
def at_one_moment(con: DuckDBPyConnection) -> Iterator[datetime | None]:
    """Read what stands at the last refresh, whose moment is given; another meanwhile is not seen."""
    with transaction(con):
        yield last_refresh(con)


def now(
    con: DuckDBPyConnection, span: str, by: str, where: str = "true", **values: object
) -> Sequence[Reading]:
    """Of the current readings, those that meet `where`, which is SQL; its parameters are `values`."""
    condition = f"span = $span and dimension = $by and {where}"
    return _readings(con, f"metrics where {condition}", {"span": span, "by": by, **values})


def then(
    con: DuckDBPyConnection, as_of: datetime, span: str, by: str, where: str = "true", **values: object
) -> Sequence[Reading]:
    """The same of any moment."""
    asked = {"as_of": as_of, "span": span, "by": by, **values}
    return _readings(con, f"metrics_at($as_of, $span, $by) where {where}", asked)


def _readings(con: DuckDBPyConnection, source: str, values: Mapping[str, object]) -> Sequence[Reading]:
    rows = con.execute(f"select {COLUMNS} from {source}", dict(values)).fetchall()
    return [Reading(*row) for row in rows]
