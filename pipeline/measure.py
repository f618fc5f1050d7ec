"""From facts to readings: the macros that sum, the folding of facts into cells, the refresh of `metrics`."""

import re
from collections.abc import Sequence
from datetime import datetime

from duckdb import DuckDBPyConnection

from pipeline.database import one, transaction
from pipeline.metrics import METRICS, Metric, quantities
from pipeline.settings import Definitions
from pipeline.sql import fill, load

SPANS = ("15m", "1h", "24h", "7d", "28d")
DIMENSIONS = {
    "all": "1",
    "channel": "channel",
    "reason": "reason",
    "agent": "agent_id",
    "team": "team",
    "segment": "segment",
    "stage": "stage",
}
"""Dimension to the fact's column that holds its member."""

FOLD_FACTS = 5_000
"""Facts that may wait unfolded: every reading sums them one by one, for each of its dimensions."""


KINDS = {"contacts": "'contact', 'follow_up'", "answers": "'survey', 'invitation'"}
"""The kinds of facts that metrics count, by Metric.counts."""


WINDOWS = {"rolling": "0", "settled": "internal.follow_up_us()"}
"""The kinds of windows that metrics have, and how far back each is moved."""


def _sums(counts: str | None = None, window: str | None = None) -> dict[str, str]:
    """Every distinct sum, as expression over a fact to the column that holds it in cells.

    Those of the metrics that count these facts and have this window; None for all.

    >>> _sums("answers")["csat is not null"]  # shared by csat and csat_mean
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


SUMS = _sums()
_UNITS = {"": "1", "seconds": "0.001"}
_WIDE = tuple(column for expression, column in SUMS.items() if "hugeint" in expression)


def _sql_type(column: str) -> str:
    """Squares of milliseconds need 128 bits; everything else is kept in 64 (a tenth of the time to sum)."""
    return "hugeint" if column in _WIDE else "bigint"


def _contribution(expression: str, column: str) -> str:
    return f"sign * ({expression})::{_sql_type(column)}"


def _member() -> str:
    cases = " ".join(f"when '{name}' then {column}" for name, column in DIMENSIONS.items())
    return f"case dim {cases} end"


def _sum_of(metric: Metric, alias: str, otherwise: str) -> str:
    """Where the readings find a metric's sum: the column's name with its window."""
    expression = quantities(metric.name).get(alias)
    return otherwise if expression is None else f"{metric.window}.{SUMS[expression]}"


def _readings(spans: Sequence[str], as_of: str, dims: str) -> str:
    """The select of all readings for some spans, each an SQL expression, as are the others."""

    def windows(window: str) -> str:
        parts = {"window": window, "as_of": as_of, "moved_back": WINDOWS[window], "dims": dims}
        return " union all ".join(fill("window_sums", span=span, **parts) for span in spans)

    return fill(
        "readings",
        rolling=windows("rolling"),
        settled=windows("settled"),
        numerators=", ".join(_sum_of(each, "numerator", "0") for each in METRICS),
        denominators=", ".join(_sum_of(each, "denominator", "1") for each in METRICS),
        squares=", ".join(_sum_of(each, "squares", "null::hugeint") for each in METRICS),
        metrics=", ".join(
            f"({n}, '{each.name}', '{each.kind}', {_UNITS[each.unit]}::decimal(4, 3))"
            for n, each in enumerate(METRICS, start=1)
        ),
        as_of=as_of,
    )


def _needed(con: DuckDBPyConnection, expressions: Sequence[str]) -> list[str]:
    """The columns of a fact that are named in these expressions."""
    words = set(re.findall(r"\w+", " ".join(expressions)))
    return [name for name, *_ in con.execute("describe internal.facts").fetchall() if name in words]


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
    for window in WINDOWS:
        sums = _sums(window=window)
        con.execute(
            fill(
                "sums",
                window=window,
                fact_columns=", ".join(_needed(con, [*sums, _member(), "sign"])),
                member=_member(),
                contributions=", ".join(
                    f"{_contribution(each, name)} as {name}" for each, name in sums.items()
                ),
                sum_columns=", ".join(sums.values()),
                totals=", ".join(
                    f"coalesce(sum({name}), 0)::{_sql_type(name)} as {name}" for name in sums.values()
                ),
            )
        )
    readings = _readings(["span::varchar"], "as_of", "internal.asked(span, dimension)")
    con.execute(
        "-- the readings at any moment: a pure function of its arguments and the accepted events\n"
        f"create or replace macro metrics_at(as_of, span, dimension) as table {readings}"
    )


def create_cells(con: DuckDBPyConnection) -> None:
    """Create the tables of folded sums: whole hours of facts, whole days of revisions."""
    columns = ", ".join(f"{column} {_sql_type(column)}" for column in SUMS.values())
    for cells, buckets in CELLS.values():
        keys = ", ".join(f"{name} bigint" for name in buckets)
        con.execute(f"create table internal.{cells} ({keys}, dim varchar, member integer, {columns})")


CELLS = {
    "facts": ("cells", {"hour": "internal.hour_of(occurred_us)"}),
    "revisions": (
        "revision_cells",
        {"day": "internal.day_of(occurred_us)", "visible_day": "internal.day_of(visible_us)"},
    ),
}
"""What each table of facts is folded into, and by which buckets of time."""


def fold_when_due(con: DuckDBPyConnection, facts: int) -> None:
    """Fold once `facts` of them wait, in the caller's transaction."""
    if one(con, load("unfolded")) >= facts:
        fold(con)


def fold(con: DuckDBPyConnection) -> None:
    """Sum the facts posted since the last fold into cells, in the caller's transaction.

    It changes no reading: what moves into cells leaves the tail.
    """
    members = ", ".join(f"{column} as {name}" for name, column in DIMENSIONS.items())
    for counts, kinds in KINDS.items():
        sums = _sums(counts)
        parts = {
            "kinds": kinds,
            "members": members,
            "contributions": ", ".join(
                f"{_contribution(each, name)} as {name}" for each, name in sums.items()
            ),
            "columns": ", ".join(sums.values()),
            "sums": ", ".join(f"sum({name})::{_sql_type(name)}" for name in sums.values()),
        }
        for table, (cells, buckets) in CELLS.items():
            bucketed = ", ".join(f"{bucket} as {name}" for name, bucket in buckets.items())
            con.execute(
                fill("fold", table=table, cells=cells, keys=", ".join(buckets), buckets=bucketed, **parts)
            )
    con.execute("update internal.progress set folded = posted")


def refresh(con: DuckDBPyConnection, as_of: datetime) -> None:
    """Replace `metrics` by the readings of all SPANS and DIMENSIONS at `as_of`, in one transaction.

    The cost follows the hours in a window and the members of a dimension, not the events in history.
    """
    with transaction(con):
        con.execute("delete from metrics")
        con.execute(f"insert into metrics {ALL_READINGS}", {"as_of": as_of})
        con.execute("delete from internal.refreshed")
        con.execute("insert into internal.refreshed values ($as_of)", {"as_of": as_of})


ALL_READINGS = _readings([f"'{span}'" for span in SPANS], "$as_of", f"[{', '.join(map(repr, DIMENSIONS))}]")
"""All SPANS and DIMENSIONS at $as_of, in one select."""
