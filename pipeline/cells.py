"""Cells: the sums of facts by hour and by day, so that a reading need not scan history."""

from importlib.resources import files

from duckdb import DuckDBPyConnection

from pipeline.connection import one
from pipeline.sql import fill, load
from pipeline.sums import CELL_DIMENSIONS, KINDS, contributions, sql_type, sums, totals

FOLD_FACTS = 5_000
"""Events that may wait unfolded: every reading sums their facts one by one, for each of its dimensions."""

COMPACT_FOLDS = 32
"""Folds whose cells may wait side by side: every reading sums them, and most are of the same hours."""


def create_cells(con: DuckDBPyConnection) -> None:
    """Create a table of folded sums for each of KINDS, with a column for each of its sums."""
    text = files("pipeline.tables").joinpath("cells.sql").read_text(encoding="utf-8")
    for counts in KINDS:
        columns = ",\n    ".join(f"{column} {sql_type(column)}" for column in sums(counts).values())
        con.execute(text.replace("{counts}", counts).replace("{sums}", columns))


def fold_when_due(con: DuckDBPyConnection, facts: int) -> None:
    """Fold once as many events wait, in the caller's transaction."""
    if one(con, load("unfolded")) >= facts:
        fold(con)


def fold(con: DuckDBPyConnection) -> None:
    """Sum the facts posted since the last fold into cells, in the caller's transaction.

    It changes no reading: what moves into cells leaves the tail.
    """
    posted, folded = con.execute("select posted, folded from internal.progress").fetchall()[0]
    for statement in _FOLDS:
        con.execute(statement, {"posted": posted, "folded": folded})
    con.execute("update internal.progress set folded = posted")
    if one(con, f"select max(folds) from ({_WAITING})") >= COMPACT_FOLDS:
        compact(con)


def compact(con: DuckDBPyConnection) -> None:
    """Sum the cells of the folds since the last time into one each, in the caller's transaction.

    It changes no reading. Cells are compacted once: an hour has as many as compactions that met it.
    """
    for counts in KINDS:
        con.execute(fill("compact", counts=counts, totals=totals(sums(counts))))
        con.execute(f"delete from internal.cells_of_{counts} where fold > 0")
        con.execute(f"insert into internal.cells_of_{counts} from compacted")
        con.execute("drop table compacted")


def _fold(counts: str) -> str:
    """The statement that folds the facts of one of KINDS."""
    columns = sums(counts)
    return fill(
        "fold",
        counts=counts,
        kinds=KINDS[counts],
        contributions=contributions(columns),
        columns=", ".join(columns.values()),
        dim=" ".join(f"when {column} is not null then '{name}'" for name, column in CELL_DIMENSIONS.items()),
        dimensions=", ".join(CELL_DIMENSIONS.values()),
        sets=", ".join(f"(hour, {column})" for column in CELL_DIMENSIONS.values()),
        totals=totals(columns),
    )


_FOLDS = tuple(map(_fold, KINDS))
_WAITING = " union all ".join(
    f"select count(distinct fold) as folds from internal.cells_of_{counts} where fold > 0" for counts in KINDS
)
