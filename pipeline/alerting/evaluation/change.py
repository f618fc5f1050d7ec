"""Rules of kind change: each member's chart, renewed from its history, and where its score stands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pipeline.alerting.evaluation.charts import Charted, charted
from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.score import Flip, Scores, follow, in_time, ordered, runs
from pipeline.alerting.evaluation.stream import CLASSES_MS, Answers, Numbers
from pipeline.alerting.rules import METRICS_BY_NAME, Change
from pipeline.detection.caution import Learning
from pipeline.detection.family import lengths_by_time
from pipeline.errors import InputError
from pipeline.metrics import limits_of
from pipeline.spans import microseconds

DAY_US = microseconds("1d")
HISTORY_DAYS = 28
SETTLED_AFTER_DAYS = 1
"""Days before today that are no history yet."""

_MONDAY = 4  # 1970-01-01 was a Thursday, so day 4 was a Monday
_WEEK = 7


class Day(NamedTuple):
    """The answers of a day: of each member by demerits, and in all."""

    counts: Numbers
    answers: Numbers


@dataclass(frozen=True)
class Mark:
    """All that a rule knows at a moment, to come back to."""

    scores: Scores
    charts: Mapping[int, Charted]
    waiting: Mapping[int, Learning | str]
    held: Mapping[int, Condition]
    due: Mapping[int, tuple[Charted, ...]]
    per_nat: Mapping[int, float]
    days: Mapping[int, Day]
    day: int | None


class ChangeRule:
    """One rule, all its members. `advance` takes answers in stretches of time that follow each other.

    `allowed`: the numbers of the members that the rule names; None where it names none.
    """

    def __init__(self, rule: Change) -> None:
        self.rule = rule
        self.allowed: frozenset[int] | None = None
        self._width = _width(rule.metric)
        self._scores = Scores.of(0)
        self._charts: dict[int, Charted] = {}
        self._waiting: dict[int, Learning | str] = {}
        self._held: dict[int, Condition] = {}
        self._ended: list[Condition] = []
        # the charts renewed since a member's last answer: most are never computed
        self._due: dict[int, tuple[Charted, ...]] = {}
        self._per_nat: dict[int, float] = {}
        self._days: dict[int, Day] = {}
        self._day: int | None = None

    @property
    def waiting(self) -> Mapping[int, Learning | str]:
        """The members without a chart: how many answers are missing, or why it cannot be."""
        return self._waiting

    def conditions(self) -> list[Condition]:
        """All that was found, in the order of their ends; those that hold come last."""
        return [*self._ended, *self._held.values()]

    def mark(self) -> Mark:
        """Where it stands."""
        return Mark(
            self._scores.copy(),
            dict(self._charts),
            dict(self._waiting),
            dict(self._held),
            dict(self._due),
            dict(self._per_nat),
            dict(self._days),
            self._day,
        )

    def back_to(self, mark: Mark, at_us: int) -> None:
        """Forget all since a mark that was made at this moment."""
        self._scores = mark.scores.copy()
        self._charts, self._waiting, self._held = dict(mark.charts), dict(mark.waiting), dict(mark.held)
        self._due, self._per_nat = dict(mark.due), dict(mark.per_nat)
        self._days, self._day = dict(mark.days), mark.day
        self._ended = [each for each in self._ended if each.ended_us is not None and each.ended_us <= at_us]

    def advance(self, answers: Answers, until_us: int) -> None:
        """Take the answers of a stretch of time that ends at this moment."""
        if self.allowed is not None:
            asked = np.isin(answers.member, list(self.allowed))
            answers = Answers(*(column[asked] for column in answers))
        by_day = _by_day(answers)
        for day in self._visited(by_day, until_us):
            self._begin(day)
            if day in by_day:
                self._take(ordered(by_day[day]), day)

    def _visited(self, days: Iterable[int], until_us: int) -> Iterator[int]:
        """Each day, in order, but not those of a gap so long that nothing is left to forget."""
        last = until_us // DAY_US
        with_answers = sorted({*days, last})
        if self._day is None:
            self._day = with_answers[0] - 1
        day = self._day
        for until in with_answers:
            gap_ends = day + HISTORY_DAYS + SETTLED_AFTER_DAYS + _WEEK + 1
            yield from range(day, min(until, gap_ends) + 1)
            if until > gap_ends:
                yield until
            day = max(day, until + 1)

    def _begin(self, day: int) -> None:
        """Renew charts at the beginning of a day: those that are missing, and on Mondays all."""
        if self._day is None or day <= self._day:
            return
        monday = (day - _MONDAY) // _WEEK > (self._day - _MONDAY) // _WEEK
        self._day = day
        oldest = day - SETTLED_AFTER_DAYS - HISTORY_DAYS
        self._days = {each: kept for each, kept in self._days.items() if each >= oldest}
        history = {each: kept for each, kept in self._days.items() if each < day - SETTLED_AFTER_DAYS}
        self._renew(day, history, all_of_them=monday)

    def _renew(self, day: int, history: Mapping[int, Day], *, all_of_them: bool) -> None:
        total = np.zeros(max((len(each.answers) for each in history.values()), default=0), np.int64)
        for each in history.values():
            total[: len(each.answers)] += each.answers
        with_history = set(np.flatnonzero(total).tolist())
        due = with_history | self._charts.keys() if all_of_them else with_history - self._charts.keys()
        if not due:
            return
        budget = self.rule.false_alarm_every
        in_answers = float(budget.removesuffix(" answers")) if budget.endswith(" answers") else 1.0
        lengths = {} if budget.endswith(" answers") else self._lengths(history, total)
        counts = [each.counts for _, each in sorted(history.items())]
        for member in sorted(due):
            days = [
                tuple(each[member].tolist()) if member < len(each) else (0,) * self._width for each in counts
            ]
            self._chart(member, days, lengths.get(member, in_answers), day)

    def _lengths(self, history: Mapping[int, Day], total: Numbers) -> Mapping[int, float]:
        """By member, the answers from one false alarm to the next, of a budget in time (family.py)."""
        days = max(history, default=0) - min(history, default=0) + 1
        rates = {member: int(total[member]) / days for member in np.flatnonzero(total).tolist()}
        return lengths_by_time(microseconds(self.rule.false_alarm_every) / DAY_US, rates)

    def _chart(self, member: int, days: list[tuple[int, ...]], every: float, day: int) -> None:
        try:
            found = charted(self.rule, days, every) if days else Learning(1)
        except InputError as error:
            self._lose(member, str(error), day)
            return
        if isinstance(found, Learning):
            self._lose(member, found, day)
            return
        self._scores.grow(member + 1)
        self._charts[member] = found
        self._waiting.pop(member, None)
        self._due[member] = (*self._due.get(member, ()), found)

    def _apply(self, member: int) -> None:
        """Use the charts that were renewed: a score above 0 is told in the units of each."""
        at, due = self._scores, self._due.pop(member)
        for each in due if at.score[member] else due[-1:]:
            chart = each.terms.quick_chart()
            at.step[member], at.allowance[member], at.limit[member] = chart.step, chart.allowance, chart.limit
            if at.score[member]:
                at.score[member] = round(int(at.score[member]) * chart.per_nat / self._per_nat[member])
            self._per_nat[member] = chart.per_nat
        if not at.score[member]:
            at.answers[member] = 0

    def _lose(self, member: int, why: Learning | str, day: int) -> None:
        """It has no chart any more; what was held ends with its history."""
        self._waiting[member] = why
        if self._charts.pop(member, None) is None:
            return
        self._due.pop(member, None)
        for column in (self._scores.limit, self._scores.score, self._scores.raised, self._scores.answers):
            column[member] = 0
        if held := self._held.pop(member, None):
            self._ended.append(replace(held, ended_us=day * DAY_US))

    def _take(self, answers: Answers, day: int) -> None:
        if not len(answers.member):
            return
        members = int(answers.member.max()) + 1
        self._scores.grow(members)
        self._count(answers, day, members)
        if self._due:
            for member in self._due.keys() & np.unique(answers.member).tolist():
                self._apply(member)
        for flip in follow(self._scores, answers._replace(demerits=self._cut(answers)), self._limit):
            self._note(flip)

    def _limit(self, member: int) -> int:
        return self._charts[member].terms.chart().limit

    def _count(self, answers: Answers, day: int, members: int) -> None:
        old = self._days[day].counts if day in self._days else np.zeros((0, self._width), np.int64)
        new = np.zeros((max(members, len(old)), self._width), np.int64)
        new[: len(old)] = old
        counted = np.bincount(
            answers.member * self._width + answers.demerits, minlength=members * self._width
        )
        new[:members] += counted.reshape(members, self._width)
        self._days[day] = Day(new, new.sum(axis=1))

    def _cut(self, answers: Answers) -> Numbers:
        """Durations are told by class, and charts count the deciles that each exceeds."""
        if METRICS_BY_NAME[self.rule.metric].unit != "seconds":
            return answers.demerits
        cut = np.zeros(len(answers.demerits), np.int64)
        for member in np.unique(answers.member).tolist():
            if chart := self._charts.get(member):
                own = answers.member == member
                cut[own] = np.searchsorted(chart.cuts, answers.demerits[own])
        return cut

    def _note(self, flip: Flip) -> None:
        if flip.raised:
            usual = self._charts[flip.member].baseline
            self._held[flip.member] = Condition(flip.member, flip.at_us, flip.since_us, flip.answers, usual)
        else:
            self._ended.append(replace(self._held.pop(flip.member), ended_us=flip.at_us))


def _by_day(answers: Answers) -> dict[int, Answers]:
    if not len(answers.at_us):
        return {}
    answers = in_time(answers)
    days = answers.at_us // DAY_US
    first = runs(days)
    parts = [np.split(column, first[1:]) for column in answers]
    return {day: Answers(*columns) for day, *columns in zip(days[first].tolist(), *parts, strict=True)}


def _width(metric: str) -> int:
    """How many different demerits there are."""
    asked = METRICS_BY_NAME[metric]
    if asked.unit == "seconds":
        return len(CLASSES_MS) + 1
    least, most = limits_of(metric)
    return 2 if asked.kind == "share" else int(most - least) + 1
