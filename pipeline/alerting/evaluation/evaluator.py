"""Keeps what the rules find up to date: forward as time passes, back where events come late."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.change import DAY_US, ChangeRule
from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.stream import Came, Stream, Stretch, came_since
from pipeline.alerting.evaluation.windows import WindowRule, Windows
from pipeline.alerting.rules import METRICS_BY_NAME, AnyRule, Change, Drop, OfMetric, Threshold
from pipeline.connection import one
from pipeline.readings import WINDOWS

FEW_FACTS = 100_000
MANY_FACTS = 400_000
"""Of a stretch: fewer, and the next one is longer; more, and it is shorter."""

LONGEST_DAYS = 64
LAST_PART_US = DAY_US // 3


class _Mark(NamedTuple):
    at_us: int
    rules: Mapping[str, Any]


class Group:
    """The rules whose metrics have the same kind of window, which moves them along together."""

    def __init__(self, window: str, rules: Sequence[OfMetric], con: DuckDBPyConnection) -> None:
        self.changes = {each.name: ChangeRule(each) for each in rules if isinstance(each, Change)}
        self.windows = {
            each.name: WindowRule(each, con) for each in rules if isinstance(each, Threshold | Drop)
        }
        self._all = Stream(con, window, [each.metric for each in rules], [])
        followed = [each for each in rules if isinstance(each, Change)]
        self._stream = Stream(con, window, [each.metric for each in followed], [each.by for each in followed])
        self._back_us = int(one(con, f"select {WINDOWS[window]}"))
        self._marks: list[_Mark] = []
        self._days = 1
        self._there: Came | None = None
        self.at_us: int | None = None

    @property
    def rules(self) -> dict[str, ChangeRule | WindowRule]:
        """By name."""
        return {**self.changes, **self.windows}

    def notice(self, con: DuckDBPyConnection, came: Came | None, posted: int) -> None:
        """What came since a transaction: back to before the earliest of it, if that is behind already."""
        new = [each for each in (came, self._all.revised_since(con, posted)) if each is not None]
        if not new:
            return
        earliest = min(each.earliest_us for each in new) + self._back_us
        newest = max(each.newest_us for each in new) + self._back_us
        there = self._there or Came(earliest, newest)
        self._there = Came(min(earliest, there.earliest_us), max(newest, there.newest_us))
        if self.at_us is None:
            self._start(con, self._there)
        elif earliest <= self.at_us:
            self._go_back(earliest)

    def advance(self, con: DuckDBPyConnection, until_us: int) -> bool:
        """One stretch further, at most to this moment; is there more?"""
        if self.at_us is None or self._there is None:
            return False
        after, newest = self.at_us, self._there.newest_us
        until = min(until_us, self._end_of_stretch(con, after, until_us))
        if until <= after:
            return False
        facts = self._facts(con, after, until, newest)
        windows = {name: rule.read(con, after, until, self._there) for name, rule in self.windows.items()}
        for end in _pauses(after, until, newest):
            self._move(con, facts.between(after, end), windows, after, end)
            after = end
        return until < until_us

    def _facts(self, con: DuckDBPyConnection, after: int, until: int, newest: int) -> Stretch:
        """Those that charts follow."""
        if not self.changes or after >= newest:
            return self._stream.nothing()
        facts = self._stream.read(con, after, until)
        self._fit(len(facts))
        return facts

    def _move(
        self, con: DuckDBPyConnection, facts: Stretch, windows: Mapping[str, Windows], after: int, until: int
    ) -> None:
        for rule in self.changes.values():
            if rule.rule.members is not None:
                rule.allowed = _numbers(con, rule.rule.members)
            rule.advance(facts.answers(rule.rule.metric, rule.rule.by), until)
        for name, each in self.windows.items():
            each.advance(windows[name], after, until)
        self.at_us = until
        self._remember(until)

    def _go_back(self, earliest_us: int) -> None:
        self._marks = [each for each in self._marks if each.at_us < earliest_us] or self._marks[:1]
        mark = self._marks[-1]
        self.at_us = min(mark.at_us, earliest_us - 1)
        for name, rule in self.rules.items():
            rule.back_to(mark.rules[name], mark.at_us)

    def _end_of_stretch(self, con: DuckDBPyConnection, after: int, until: int) -> int:
        """Some days on; where nothing came for LONGEST_DAYS, up to the next event, years on if need be."""
        days = (after // DAY_US + self._days) * DAY_US
        if self._there is None or days >= min(until, self._there.newest_us):
            return until
        long_ago = after - LONGEST_DAYS * DAY_US
        if long_ago < self._there.earliest_us:
            return days
        later = f"occurred_at > make_timestamptz({long_ago} - {self._back_us})"
        first = one(
            con, f"select epoch_us(min(occurred_at)) + {self._back_us} from internal.events where {later}"
        )
        return max(days, int(first) - 1)

    def _start(self, con: DuckDBPyConnection, there: Came) -> None:
        """Before the first event there is, with as long a stretch as holds some facts."""
        events = one(con, "select count(*) from internal.events")
        self.at_us = there.earliest_us - 1
        length_us = there.newest_us - there.earliest_us
        self._days = min(max(1, length_us * MANY_FACTS // events // DAY_US), LONGEST_DAYS)
        self._remember(self.at_us)

    def _fit(self, facts: int) -> None:
        """Make the next stretch longer, or shorter."""
        if facts < FEW_FACTS:
            self._days = min(MANY_FACTS // FEW_FACTS * self._days, LONGEST_DAYS)
        elif facts > MANY_FACTS:
            self._days = max(1, self._days // 2)

    def _remember(self, at_us: int) -> None:
        """Keep marks, each about twice as old as the next: few, and never far to go back."""
        self._marks.append(_Mark(at_us, {name: rule.mark() for name, rule in self.rules.items()}))
        # what comes late is late by what came, whatever the clock says
        newest = at_us if self._there is None else min(at_us, self._there.newest_us)
        self._marks = [self._marks[n] for n in _few([max(0, newest - each.at_us) for each in self._marks])]


def _few(ages: Sequence[int]) -> list[int]:
    """Which marks of these ages to keep: as few as leave each about twice as old as the next, and the last.

    >>> _few([100, 90, 80, 70, 45, 30, 8, 0, 0, 0])
    [0, 3, 4, 5, 6, 7, 9]
    """
    kept = [0]
    for n in range(1, len(ages) - 1):
        if ages[kept[-1]] > 2 * ages[n + 1]:
            kept.append(n)
    return [*kept, *range(1, len(ages))[-1:]]


def _pauses(after: int, until: int, newest: int) -> Iterator[int]:
    """Where to make a mark. More will come where the newest is; late, mostly in the hours before."""
    if after + DAY_US < newest - LAST_PART_US < until:
        yield newest - LAST_PART_US
    if after < newest < until:
        yield newest
    yield until


class Evaluator:
    """All rules about metrics. What they find is a function of the events, the rules and the moment."""

    def __init__(self, rules: Sequence[AnyRule], con: DuckDBPyConnection) -> None:
        of_metrics = [each for each in rules if isinstance(each, Threshold | Drop | Change)]
        self._groups = [
            Group(window, mine, con)
            for window in WINDOWS
            if (mine := [each for each in of_metrics if METRICS_BY_NAME[each.metric].window == window])
        ]
        self._posted = 0
        self.is_behind = False
        """Has it not got through with what it noticed last?"""

    def step(self, con: DuckDBPyConnection, until_us: int) -> bool:
        """Come one stretch nearer to this moment; is there more to do? In the caller's transaction.

        What comes while it is behind is noticed once it is not: else it might send it back at each stretch.
        """
        posted = one(con, "select posted from internal.progress")
        if posted != self._posted and not self.is_behind:
            came = came_since(con, self._posted)
            for group in self._groups:
                group.notice(con, came, self._posted)
            self._posted = posted
        more = [group.advance(con, until_us) for group in self._groups]
        self.is_behind = any(more)
        return self.is_behind or posted != self._posted

    def found(self) -> dict[str, list[Condition]]:
        """What each rule has found so far, by the rule's name."""
        return {name: rule.conditions() for group in self._groups for name, rule in group.rules.items()}

    def waiting(self) -> dict[str, Mapping[int, Any]]:
        """The members that each rule cannot follow yet, and why."""
        return {name: rule.waiting for group in self._groups for name, rule in group.rules.items()}


def _numbers(con: DuckDBPyConnection, members: Sequence[str]) -> frozenset[int]:
    """The members of these names that there are so far."""
    asked = "select number from internal.names where list_contains($members, name)"
    return frozenset(number for (number,) in con.execute(asked, {"members": list(members)}).fetchall())
