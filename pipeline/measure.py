"""From sums to readings: the macros behind `metrics_at`, and the refresh of `metrics`."""

from collections.abc import Collection
from datetime import datetime

from duckdb import DuckDBPyConnection

from pipeline.connection import transaction
from pipeline.readings import WINDOWS, Question, all_dimensions, readings
from pipeline.settings import Definitions
from pipeline.spans import SPANS, microseconds
from pipeline.sql import fill
from pipeline.sums import DIMENSIONS, kept_of, needed, sums

_HOUR_US = microseconds("1h")


def create_macros(con: DuckDBPyConnection, definitions: Definitions) -> None:
    """Create (or replace) the macros behind `metrics_at`, from the metric files and the definitions."""
    con.execute(
        fill(
            "macros",
            follow_up_us=str(definitions.follow_up_us),
            service_level_ms=str(definitions.service_level_ms),
            dimension_names=", ".join(f"'{name}'" for name in DIMENSIONS),
        )
    )
    select = readings(_AT_ANY_MOMENT, _fact_columns(con))
    con.execute(
        "-- the readings at any moment: a pure function of its arguments and the accepted events\n"
        f"create or replace macro metrics_at(as_of, span, dimension) as table {select}"
    )


_AT_ANY_MOMENT = Question(
    as_of="as_of",
    spans=["span::varchar"],
    dims=f"select dim, {kept_of('dim')} as kept from (select unnest(internal.asked(span, dimension)) as dim)",
    all_cells=False,
)


def refresh(con: DuckDBPyConnection, as_of: datetime) -> None:
    """Replace `metrics` by the readings of all SPANS and DIMENSIONS at `as_of`, in one transaction.

    The cost follows the days in a window and the members of a dimension, not the events in history.
    """
    with transaction(con):
        con.execute("delete from internal.refreshed")
        con.execute("insert into internal.refreshed values ($as_of)", {"as_of": as_of})
        con.execute("delete from metrics")
        con.execute(f"insert into metrics {all_readings(con, 'select as_of from internal.refreshed')}")


def all_readings(con: DuckDBPyConnection, as_of: str, of: Collection[str] = SPANS) -> str:
    """All DIMENSIONS, and the spans `of` those of SPANS, in one select; `as_of` is SQL."""
    lengths = sorted(map(microseconds, of), reverse=True)
    question = Question(
        as_of=as_of,
        spans=[f"'{span}'" for span in sorted(of, key=microseconds, reverse=True)],
        dims=all_dimensions(),
        all_cells=True,
        neighbours=[n for n, us in enumerate(lengths) if us - [*lengths, 0][n + 1] <= _HOUR_US],
    )
    return readings(question, _fact_columns(con))


def _fact_columns(con: DuckDBPyConnection) -> dict[str, str]:
    """The columns of facts that the sums of each kind of window need."""
    return {
        window: ", ".join(name for name in needed(con, sums(window=window)) if name != "sign")
        for window in WINDOWS
    }
