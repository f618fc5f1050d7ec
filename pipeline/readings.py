"""The select that turns facts and cells into readings, for any windows that end at one moment."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pipeline.metrics import METRICS, Metric, quantities
from pipeline.sql import fill, load
from pipeline.sums import CELL_DIMENSIONS, DIMENSIONS, KINDS, SUMS, contributions, kept_of, sums, totals

WINDOWS = {"rolling": "0", "settled": "internal.follow_up_us()"}
"""The kinds of windows that metrics have, and how far back each is moved."""

UNITS = {"": "1::decimal(4, 3)", "seconds": "0.001::decimal(4, 3)"}


class Question(NamedTuple):
    """What readings are asked for; everything is SQL.

    `spans`: from the longest to the shortest; `dims`: a relation (dim, kept), the second being the
    dimension whose cells are read; `all_cells`: whether it asks for all of them. `neighbours`: the spans
    that are known to be at most an hour longer than the next, by position.
    """

    as_of: str
    spans: Sequence[str]
    dims: str
    all_cells: bool
    neighbours: Collection[int] = ()


def readings(asked: Question, fact_columns: Mapping[str, str]) -> str:
    """One row per metric x span x dimension x member, each formula as in its metric's file.

    `fact_columns`: the columns of a fact that the sums of each kind of window need.
    """
    return fill(
        "readings",
        edges=_edges(asked),
        spans="\n    union all\n    ".join(_span(n, span) for n, span in enumerate(asked.spans)),
        dims=asked.dims,
        late=_late(asked, fact_columns),
        sums="\n".join(_sums(asked, window, fact_columns[window]) for window in WINDOWS),
        numerators=", ".join(_sum_of(each, "numerator", "0") for each in METRICS),
        denominators=", ".join(_sum_of(each, "denominator", "1") for each in METRICS),
        squares=", ".join(_sum_of(each, "squares", "null::hugeint") for each in METRICS),
        metrics=", ".join(
            f"({n}, '{each.name}', '{each.kind}', {UNITS[each.unit]})"
            for n, each in enumerate(METRICS, start=1)
        ),
        as_of="make_timestamptz(as_of_us)",
        figures=load("figures").rstrip(),
    )


def channel_by_reason(metric: Metric, fact_columns: str) -> str:
    """One metric's readings by two dimensions at once, for a window of $span that ends at $as_of.

    `metrics_at` knows one dimension at a time, since cells do; this reads the facts of the window, so
    its cost follows the events in it.
    """
    until = f"epoch_us($as_of) - {WINDOWS[metric.window]}"
    columns = {each: SUMS[each] for each in quantities(metric.name).values()}
    return fill(
        "channel_by_reason",
        fact_columns=fact_columns,
        after_us=f"({until} - internal.span_us($span))",
        until_us=f"({until})",
        totals=totals(columns),
        contributions=contributions(columns),
        kind=metric.kind,
        unit=UNITS[metric.unit],
        numerator=_kept_sum(metric, "numerator", "0"),
        denominator=_kept_sum(metric, "denominator", "1"),
        squares=_kept_sum(metric, "squares", "null::hugeint"),
        figures=load("figures").rstrip(),
    )


def all_dimensions() -> str:
    """A relation (dim, kept) of all dimensions."""
    return f"select dim, {kept_of('dim')} as kept from (select unnest({list(DIMENSIONS)}) as dim)"


def _span(n: int, span: str) -> str:
    after = ", ".join(f"{window}_us_{n} as {window}_after_us" for window in WINDOWS)
    return f"select {span} as span, {after} from edges"


def _edges(asked: Question) -> str:
    """Each kind's edges, ascending: where the spans begin, and last where all of them end."""
    last = len(asked.spans)
    moments, breaks = [], []
    for window, back in WINDOWS.items():
        until = f"as_of_us - {back}"
        ends = [*(f"{until} - internal.span_us({span})" for span in asked.spans), until]
        moments += [f"{us} as {window}_us_{n}" for n, us in enumerate(ends)]
        breaks += [fill("edge", window=window, n=str(n), last=str(last)) for n in range(last + 1)]
    return fill("edges", as_of=asked.as_of, moments=", ".join(moments), breaks="        ".join(breaks))


def _sums(asked: Question, window: str, fact_columns: str) -> str:
    columns = sums(window=window)
    last = len(asked.spans)
    hours = [f"{window}_hour_{n}" for n in range(last + 1)]
    member = " ".join(f"when '{name}' then {column}" for name, column in CELL_DIMENSIONS.items())
    return fill(
        "sums",
        broken_hours=_broken_hours(asked, window, fact_columns),
        hours=", ".join(hours),
        days=", ".join(f"{window}_day_{n}" for n in range(last + 1)),
        until_of_moment=_until(window, last, "occurred_us <=", "us"),
        until_of_hour=_until(window, last, "hour <", "hour"),
        until_of_day=_until(window, last, "day <", "day"),
        contributions=contributions(columns),
        dimensions=", ".join(CELL_DIMENSIONS.values()),
        member=f"case kept {member} end",
        columns=", ".join(columns.values()),
        cells="".join(_cells(asked, window, counts) for counts in KINDS),
        totals=totals(columns),
        window=window,
        last=str(last),
        fact_columns=fact_columns,
    )


def _cells(asked: Question, window: str, counts: str) -> str:
    """The cells of one kind of facts, where any of its sums has this window."""
    held = sums(counts, window)
    if not held:
        return ""
    columns = (column if each in held else "null" for each, column in sums(window=window).items())
    return fill(
        "cells_of",
        counts=counts,
        columns=", ".join(columns),
        of_dims="" if asked.all_cells else "where dim in (select kept from dims)",
        window=window,
    )


def _late(asked: Question, fact_columns: Mapping[str, str]) -> str:
    """The revisions that every kind of window has to look at."""
    columns = {name: None for each in fact_columns.values() for name in each.split(", ")}
    hours = [f"{window}_hour_{n}" for window in WINDOWS for n in range(len(asked.spans) + 1)]
    return fill("late", late_columns=", ".join(columns), hours=", ".join(hours))


def _broken_hours(asked: Question, window: str, fact_columns: str) -> str:
    """The facts of the hours that edges break: each hour once, hours in a row together."""
    found = []
    earlier: list[str] = []
    for run in _runs(asked):
        hour = f"{window}_hour_{run[0]}"
        is_first = f"{hour} not in ({', '.join(earlier)})" if earlier else "true"
        parts = {"window": window, "is_first": is_first, "fact_columns": fact_columns}
        found.append(fill("broken_hours", first=str(run[0]), until=str(run[-1]), **parts))
        earlier += [f"{window}_hour_{n}" for n in run]
    return "".join(found)


def _runs(asked: Question) -> list[list[int]]:
    """The edges by position, those together that are known to be at most an hour apart."""
    runs = [[0]]
    for n in range(1, len(asked.spans) + 1):
        if n - 1 in asked.neighbours:
            runs[-1].append(n)
        else:
            runs.append([n])
    return runs


def _until(window: str, last: int, before: str, unit: str) -> str:
    """The upper edge of the stretch that something lies in, given what it compares with."""
    cases = " ".join(f"when {before} {window}_{unit}_{n} then {window}_us_{n}" for n in range(1, last))
    return f"case {cases} else {window}_us_{last} end" if cases else f"{window}_us_{last}"


def _sum_of(metric: Metric, alias: str, otherwise: str) -> str:
    """Where the readings find a metric's sum: the column's name with its window."""
    return _kept_sum(metric, alias, otherwise, f"{metric.window}.")


def _kept_sum(metric: Metric, alias: str, otherwise: str, relation: str = "") -> str:
    expression = quantities(metric.name).get(alias)
    return otherwise if expression is None else f"coalesce({relation}{SUMS[expression]}, 0)"
