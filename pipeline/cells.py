"""Cells: the sums of facts by hour and by day, so that a reading need not scan history."""

from importlib.resources import files

from duckdb import DuckDBPyConnection

from pipeline.connection import one
from pipeline.sql import fill, load
from pipeline.sums import CELL_DIMENSIONS, KINDS, SUMS, contributions, sql_type, sums, totals

FOLD_FACTS = 5_000
"""Facts that may wait unfolded: every reading sums them one by one, for each of its dimensions."""

COMPACT_FOLDS = 32
"""Folds whose cells may wait side by side: every reading sums them, and most are of the same hours."""


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
    posted, folded = con.execute("select posted, folded from internal.progress").fetchall()[0]
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
            ),
            {"posted": posted, "folded": folded},
        )
    con.execute(
        fill("fold_days", columns=", ".join(SUMS.values()), totals=totals(SUMS)),
        {"posted": posted},
    )
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
