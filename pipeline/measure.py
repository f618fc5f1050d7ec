"""From facts to readings: the macros behind `metrics_at`, the folding of facts into cells, the refresh."""

from datetime import datetime
from importlib.resources import files

from duckdb import DuckDBPyConnection

from pipeline.database import one, transaction
from pipeline.readings import WINDOWS, Question, all_dimensions, readings
from pipeline.settings import Definitions
from pipeline.spans import microseconds
from pipeline.sql import fill, load
from pipeline.sums import (
    CELL_DIMENSIONS,
    DIMENSIONS,
    KINDS,
    SUMS,
    contributions,
    needed,
    sql_type,
    sums,
    totals,
)

__all__ = [
    "COMPACT_FOLDS",
    "DIMENSIONS",
    "FOLD_FACTS",
    "SPANS",
    "SUMS",
    "all_readings",
    "compact",
    "create_cells",
    "create_macros",
    "fold",
    "fold_when_due",
    "refresh",
]

SPANS = ("15m", "1h", "24h", "7d", "28d")

FOLD_FACTS = 5_000
"""Facts that may wait unfolded: every reading sums them one by one, for each of its dimensions."""

COMPACT_FOLDS = 32
"""Folds whose cells may wait side by side: every reading sums them, and most are of the same hours."""

_HOUR_US = microseconds("1h")

# --- metrics_at ---


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
    dims="select dim, if(dim = 'all', 'channel', dim) as kept "
    "from (select unnest(internal.asked(span, dimension)) as dim)",
    all_cells=False,
)


# --- cells ---


def create_cells(con: DuckDBPyConnection) -> None:
    """Create the table of folded sums, with a column for each sum."""
    text = files("pipeline.tables").joinpath("cells.sql").read_text(encoding="utf-8")
    columns = ",\n    ".join(f"{column} {sql_type(column)}" for column in SUMS.values())
    con.execute(text.replace("{sums}", columns))


def fold_when_due(con: DuckDBPyConnection, facts: int) -> None:
    """Fold once `facts` of them wait, in the caller's transaction."""
    if one(con, load("unfolded")) >= facts:
        fold(con)


def fold(con: DuckDBPyConnection) -> None:
    """Sum the facts posted since the last fold into cells, in the caller's transaction.

    It changes no reading: what moves into cells leaves the tail.
    """
    for counts, kinds in KINDS.items():
        columns = sums(counts)
        con.execute(
            fill(
                "fold",
                kinds=kinds,
                members=", ".join(f"{column} as {name}" for name, column in CELL_DIMENSIONS.items()),
                contributions=contributions(columns),
                columns=", ".join(columns.values()),
                dim=" ".join(f"when {name} is not null then '{name}'" for name in CELL_DIMENSIONS),
                dimensions=", ".join(CELL_DIMENSIONS),
                sets=", ".join(f"(hour, {name})" for name in CELL_DIMENSIONS),
                totals=totals(columns),
            )
        )
    con.execute(fill("fold_days", columns=", ".join(SUMS.values()), totals=totals(SUMS)))
    con.execute("update internal.progress set folded = posted")
    if one(con, "select count(distinct fold) from internal.cells where fold > 0") >= COMPACT_FOLDS:
        compact(con)


def compact(con: DuckDBPyConnection) -> None:
    """Sum the cells of the folds since the last time into one each, in the caller's transaction.

    It changes no reading. Cells are compacted once: an hour has as many as compactions that met it.
    """
    con.execute(fill("compact", totals=totals(SUMS)))
    con.execute("delete from internal.cells where fold > 0")
    con.execute("insert into internal.cells from compacted")
    con.execute("drop table compacted")


# --- metrics ---


def refresh(con: DuckDBPyConnection, as_of: datetime) -> None:
    """Replace `metrics` by the readings of all SPANS and DIMENSIONS at `as_of`, in one transaction.

    The cost follows the days in a window and the members of a dimension, not the events in history.
    """
    with transaction(con):
        con.execute("delete from internal.refreshed")
        con.execute("insert into internal.refreshed values ($as_of)", {"as_of": as_of})
        con.execute("delete from metrics")
        con.execute(f"insert into metrics {all_readings(con, 'select as_of from internal.refreshed')}")


def all_readings(con: DuckDBPyConnection, as_of: str) -> str:
    """All SPANS and DIMENSIONS in one select; `as_of` is SQL."""
    lengths = sorted(map(microseconds, SPANS), reverse=True)
    question = Question(
        as_of=as_of,
        spans=[f"'{span}'" for span in sorted(SPANS, key=microseconds, reverse=True)],
        dims=all_dimensions(list(DIMENSIONS)),
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
