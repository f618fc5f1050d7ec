"""Keeps what the rules find up to date: forward as time passes, back where events come late."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.change import DAY_US, ChangeRule
from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.stream import Stream
from pipeline.alerting.evaluation.windows import WindowRule
from pipeline.alerting.rules import METRICS_BY_NAME, AnyRule, Change, Drop, OfMetric, Threshold
from pipeline.connection import one
from pipeline.readings import WINDOWS
from pipeline.rfc3339 import LAST_US

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
        self._back = WINDOWS[window]
        self._marks: list[_Mark] = []
        self._days = 1
        self.at_us: int | None = None

    @property
    def rules(self) -> dict[str, ChangeRule | WindowRule]:
        """By name."""
        return {**self.changes, **self.windows}

    def go_back(self, con: DuckDBPyConnection, posted: int) -> None:
        """To before the earliest of what came since a transaction, if it counts before where this stands."""
        if self.at_us is None:
            return
        late = self._all.earliest_since(con, posted, self.at_us)
        if late is None:
            return
        self._marks = [each for each in self._marks if each.at_us < late] or self._marks[:1]
        mark = self._marks[-1]
        self.at_us = min(mark.at_us, late - 1)
        for name, rule in self.rules.items():
            rule.back_to(mark.rules[name], mark.at_us)

    def advance(self, con: DuckDBPyConnection, until_us: int) -> bool:
        """One stretch further, at most to this moment; is there more?"""
        if self.at_us is None and not self._start(con):
            return False
        after = self.at_us if self.at_us is not None else until_us
        # what comes late mostly belongs to the last hours: they are a stretch, with a mark, of their own
        last_part = until_us - LAST_PART_US
        until = last_part if last_part - after > DAY_US else until_us
        until = min(until, self._end_of_stretch(con, after, until))
        if until <= after:
            return False
        if self.changes:
            self._advance_changes(con, after, until)
        for rule in self.windows.values():
            rule.advance(con, after, until)
        self.at_us = until
        self._remember(until)
        return until < until_us

    def _end_of_stretch(self, con: DuckDBPyConnection, after: int, until: int) -> int:
        """Some days on; where nothing came for LONGEST_DAYS, up to the next event, years on if need be."""
        days = (after // DAY_US + self._days) * DAY_US
        if days >= until:  # as beside a worker every second: what follows reads weeks of events
            return days
        later = f"occurred_at > make_timestamptz({after - LONGEST_DAYS * DAY_US} - {self._back})"
        first = one(
            con, f"select epoch_us(min(occurred_at)) + {self._back} from internal.events where {later}"
        )
        if first is None:
            return LAST_US
        return max(days, int(first) - 1)

    def _start(self, con: DuckDBPyConnection) -> bool:
        """Before the first event there is."""
        first = one(con, f"select epoch_us(min(occurred_at)) - 1 + {self._back} from internal.events")
        if first is None:
            return False
        self.at_us = first
        self._remember(first)
        return True

    def _advance_changes(self, con: DuckDBPyConnection, after: int, until: int) -> None:
        stretch = self._stream.read(con, after, until)
        for rule in self.changes.values():
            if rule.rule.members is not None:
                rule.allowed = _numbers(con, rule.rule.members)
            rule.advance(stretch.answers(rule.rule.metric, rule.rule.by), until)
        if len(stretch) < FEW_FACTS:
            self._days = min(2 * self._days, LONGEST_DAYS)
        elif len(stretch) > MANY_FACTS:
            self._days = max(1, self._days // 2)

    def _remember(self, at_us: int) -> None:
        """Keep marks, each about twice as old as the next: few, and never far to go back."""
        self._marks.append(_Mark(at_us, {name: rule.mark() for name, rule in self.rules.items()}))
        kept = [self._marks[0]]
        for before, mark in zip(self._marks[1:], self._marks[2:], strict=False):
            if at_us - kept[-1].at_us > 2 * (at_us - mark.at_us):
                kept.append(before)
        self._marks = [*kept, *self._marks[-1:]] if len(self._marks) > 1 else kept


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

    def step(self, con: DuckDBPyConnection, until_us: int) -> bool:
        """Come one stretch nearer to this moment; is there more to do? In the caller's transaction."""
        posted = one(con, "select posted from internal.progress")
        if posted != self._posted:
            for group in self._groups:
                group.go_back(con, self._posted)
            self._posted = posted
        more = [group.advance(con, until_us) for group in self._groups]
        return any(more)

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
