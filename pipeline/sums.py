"""What a fact adds to the sums that every reading is made of: one column for each distinct sum."""

import re
from collections.abc import Iterable

from duckdb import DuckDBPyConnection

from pipeline.metrics import METRICS, quantities

CELL_DIMENSIONS = {
    "channel": "channel",
    "reason": "reason",
    "agent": "agent_id",
    "team": "team",
    "segment": "segment",
    "stage": "stage",
}
"""The dimensions by which sums are kept, and the fact's column that holds its member of each."""

KEPT = {"all": "channel"}
"""Dimension to the one whose members' sums it is the sum of: no cells of its own."""

DIMENSIONS = (*KEPT, *CELL_DIMENSIONS)
"""The dimensions of readings."""


def kept_of(dimension: str) -> str:
    """The dimension whose cells are read for this one, both as SQL.

    >>> kept_of("dim")
    "case dim when 'all' then 'channel' else dim end"
    """
    cases = " ".join(f"when '{name}' then '{kept}'" for name, kept in KEPT.items())
    return f"case {dimension} {cases} else {dimension} end"


KINDS = {"contacts": "'contact', 'follow_up'", "answers": "'survey', 'invitation'"}
"""The kinds of facts that metrics count, by Metric.counts."""


def sums(counts: str | None = None, window: str | None = None) -> dict[str, str]:
    """Every distinct sum, as expression over a fact to the column that holds it in cells.

    Those of the metrics that count these facts and have this window; None for all.

    >>> sums("answers")["csat is not null"]  # shared by csat and csat_mean
    'csat_denominator'
    """
    found: dict[str, str] = {}
    asked: dict[str, str] = {}
    for metric in METRICS:
        for alias, expression in quantities(metric.name).items():
            column = found.setdefault(expression, f"{metric.name}_{alias}")
            if counts in (None, metric.counts) and window in (None, metric.window):
                asked[expression] = column
    return asked


SUMS = sums()
_WIDE = tuple(column for expression, column in SUMS.items() if "hugeint" in expression)


def sql_type(column: str) -> str:
    """Squares of milliseconds need 128 bits; everything else is kept in 64 (a tenth of the time to sum)."""
    return "hugeint" if column in _WIDE else "bigint"


def contributions(columns: dict[str, str], sign: str = "sign") -> str:
    """What a fact adds to these sums, each under its column's name."""
    return ", ".join(
        f"{sign} * ({expression})::{sql_type(column)} as {column}" for expression, column in columns.items()
    )


def totals(columns: dict[str, str]) -> str:
    """The sums of rows that hold sums."""
    return ", ".join(f"sum({column})::{sql_type(column)} as {column}" for column in columns.values())


def needed(con: DuckDBPyConnection, columns: Iterable[str]) -> list[str]:
    """The columns of a fact that these sums and the dimensions are made of."""
    return mentioned(con, [*columns, *CELL_DIMENSIONS.values()])


def mentioned(con: DuckDBPyConnection, expressions: Iterable[str]) -> list[str]:
    """The columns of a fact that these expressions are made of."""
    words = set(re.findall(r"\w+", " ".join(expressions)))
    return [name for name, *_ in con.execute("describe internal.facts").fetchall() if name in words]
