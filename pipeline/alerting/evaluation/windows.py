"""Rules of kind threshold and drop: readings on a grid of event time, judged by their intervals.

Nothing is kept but what holds: a reading at a moment of the grid is a function of the events.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.stream import Came, anything
from pipeline.alerting.rules import METRICS_BY_NAME, Drop, Threshold
from pipeline.metrics import limits_of, quantities
from pipeline.readings import UNITS, WINDOWS
from pipeline.spans import microseconds
from pipeline.sql import fill, load
from pipeline.sums import CELL_DIMENSIONS, mentioned

GRID = {"15m": "5m", "1h": "15m", "24h": "1h", "7d": "6h", "28d": "1d"}
"""How often, in event time, a window of this span is judged."""

WEEKS = (1, 2, 3, 4)
LEAST_WEEKS = 2
"""Of them with anything to compare with, or the rule is learning."""

_WEEK_US = microseconds("7d")
_Z = 1.96
"""Of the 95 % interval. A count n has (sqrt(n) +- z / 2)^2: its root varies by a half (Bartlett 1936)."""


class Window(NamedTuple):
    """A reading at a moment of the grid, and the sums of the same windows weeks before."""

    moment_us: int
    member: int
    usual_numerator: float
    usual_denominator: int
    weeks: int
    numerator: float
    denominator: int
    value: float
    low: float | None
    high: float | None


Windows = Mapping[int, list[Window]]
"""By moment, the members with anything to judge."""


class WindowRule:
    """One rule, all its members."""

    def __init__(self, rule: Threshold | Drop, con: DuckDBPyConnection) -> None:
        self.rule = rule
        self._metric = METRICS_BY_NAME[rule.metric]
        self._span_us, self._step_us = microseconds(rule.span), microseconds(GRID[rule.span])
        self._weeks = (0, *WEEKS) if isinstance(rule, Drop) else (0,)
        # an empty window of anything but a count says nothing, whatever was weeks before
        self._lasts_us = self._span_us + (_WEEK_US * max(self._weeks) if self._metric.kind == "count" else 0)
        self._learns_us = _WEEK_US * LEAST_WEEKS if isinstance(rule, Drop) else 0
        self._query = self._select(con)
        self._held: dict[int, Condition] = {}
        self._ended: list[Condition] = []
        self.waiting: dict[int, str] = {}

    def conditions(self) -> list[Condition]:
        """All that was found, in the order of their ends; those that hold come last."""
        return [*self._ended, *self._held.values()]

    def mark(self) -> Mapping[int, Condition]:
        """Where it stands."""
        return dict(self._held)

    def back_to(self, mark: Mapping[int, Condition], at_us: int) -> None:
        """Forget all since a mark that was made at this moment."""
        self._held = dict(mark)
        self._ended = [each for each in self._ended if each.ended_us is not None and each.ended_us <= at_us]

    def read(self, con: DuckDBPyConnection, after_us: int, until_us: int, there: Came) -> Windows:
        """What there is to judge at the moments of the grid after one moment and until the other.

        `there`: nothing counts before its earliest moment, nor after its newest.
        """
        after_us = max(after_us, there.earliest_us + self._learns_us - 1)
        until_us = min(until_us, there.newest_us + self._lasts_us)
        if self._next(after_us) > until_us:
            return {}
        found = con.execute(
            self._query.replace("{facts}", self._facts(after_us, until_us)),
            {
                "after_us": after_us,
                "until_us": until_us,
                "step_us": self._step_us,
                "steps": self._span_us // self._step_us,
                "weeks": list(self._weeks),
            },
        )
        at_moment: dict[int, list[Window]] = {}
        for row in found.fetchall():
            window = Window(*row)
            at_moment.setdefault(window.moment_us, []).append(window)
        return at_moment

    def advance(self, windows: Windows, after_us: int, until_us: int) -> None:
        """Judge the moments of the grid after one moment and until the other, by what was read of them."""
        moments = range(self._next(after_us), until_us + 1, self._step_us)
        if not moments:
            return
        there = [each for each in windows if each in moments]
        for moment in sorted({*there, *self._emptied(there, moments)}):
            self._judge(moment, windows.get(moment, []))

    def _next(self, after_us: int) -> int:
        return (after_us // self._step_us + 1) * self._step_us

    def _emptied(self, there: Iterable[int], moments: range) -> Iterator[int]:
        """Moments without any row that follow one with some, or what held before: there conditions end."""
        for moment in [moments[0] - self._step_us, *there]:
            if moment + self._step_us in moments:
                yield moment + self._step_us

    def _judge(self, moment_us: int, rows: list[Window]) -> None:
        bad = {row.member: row for row in rows if self._is_bad(row)}
        for member in [each for each in self._held if each not in bad]:
            self._ended.append(replace(self._held.pop(member), ended_us=moment_us))
        for member, row in bad.items():
            if member not in self._held:
                since = moment_us - self._span_us + 1
                self._held[member] = Condition(
                    member, moment_us, since, int(row.denominator), self._usual(row)
                )

    def _is_bad(self, row: Window) -> bool:
        """Is the whole interval beyond the limit, on the bad side?"""
        if isinstance(self.rule, Threshold):
            above, limit = self.rule.above is not None, self._usual(row)
        else:
            above, limit = self._metric.better == "lower", self._limit(row)
        if limit is None:
            return False
        if self._metric.kind == "count":
            return (math.sqrt(row.numerator) + _Z / 2) ** 2 < limit
        bound = row.low if above else row.high
        return row.denominator > 0 and bound is not None and (bound > limit if above else bound < limit)

    def _limit(self, row: Window) -> float | None:
        """What a reading is worse than where it has dropped; None while there are too few weeks."""
        usual = self._usual(row)
        if usual is None or not isinstance(self.rule, Drop):
            return None
        least = limits_of(self.rule.metric)[0]
        if self._metric.better == "lower":
            return usual + self.rule.by_more_than * usual
        return usual - self.rule.by_more_than * (usual - min(0.0, least))

    def _usual(self, row: Window) -> float | None:
        if isinstance(self.rule, Threshold):
            return self.rule.below if self.rule.below is not None else self.rule.above
        if row.weeks < LEAST_WEEKS:
            return None
        if self._metric.kind == "count":
            return row.usual_numerator / row.weeks
        return row.usual_numerator / row.usual_denominator if row.usual_denominator else None

    def _facts(self, after_us: int, until_us: int) -> str:
        """The facts of all windows: a scan for each stretch, so that DuckDB passes over what lies between."""
        stretches: list[tuple[int, int]] = []
        for week in sorted(self._weeks, reverse=True):
            begin, end = after_us - self._span_us - week * _WEEK_US, until_us - week * _WEEK_US
            if stretches and begin <= stretches[-1][1]:
                begin = stretches.pop()[0]
            stretches.append((begin, end))
        return "\n    union all\n    ".join(
            fill(
                "alert_stretch",
                fact_columns=self._columns,
                back=WINDOWS[self._metric.window],
                after_us=str(begin),
                until_us=str(end),
                of_member="true",
            )
            for begin, end in stretches
        )

    def _select(self, con: DuckDBPyConnection) -> str:
        parts = quantities(self.rule.metric)
        member = "1" if self.rule.by == "all" else CELL_DIMENSIONS[self.rule.by]
        count = self._metric.kind == "count"
        self._columns = ", ".join(mentioned(con, [*parts.values(), member]))
        return fill(
            "alert_windows",
            member=member,
            anything=anything([self.rule.metric]),
            sums="".join(
                f"coalesce(sum(sign * ({parts[name]})::{_type(parts[name])}), 0) as {name}, "
                if name in parts
                else f"null::hugeint as {name}, "
                for name in ("numerator", "denominator", "squares")
            ).rstrip(),
            denominator="1" if count else "coalesce(sum(denominator) filter (week = 0), 0)",
            counts="numerator <> 0" if count else "denominator <> 0",
            kind=self._metric.kind,
            unit=UNITS[self._metric.unit],
            worth_judging=self._worth_judging(),
            figures=load("figures").rstrip(),
        )

    def _worth_judging(self) -> str:
        """As SQL: what is no worse than usual has not dropped, and most of all windows are not."""
        if isinstance(self.rule, Threshold):
            return "true"
        usual = "weeks" if self._metric.kind == "count" else "usual_denominator"
        worse = ">" if self._metric.better == "lower" else "<"
        return f"weeks >= {LEAST_WEEKS} and numerator * {usual} {worse} usual_numerator * denominator"


def _type(expression: str) -> str:
    """Sums of 64 bits take less than those of 128, which squares need."""
    return "hugeint" if "hugeint" in expression else "bigint"
