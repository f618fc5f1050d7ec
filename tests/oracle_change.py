"""The judge of kind change: one member, one answer after the other. Charts come from the program (proven)."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from oracle import duration
from oracle_answers import BEST, LEVELS, LOWER_IS_BETTER, SECONDS, Answer
from oracle_durations import cuts, demerits, demerits_at

from pipeline.detection.baseline import Baseline, baseline
from pipeline.detection.caution import Learning, healthy
from pipeline.detection.chart import Chart
from pipeline.detection.family import lengths_by_time
from pipeline.detection.tilt import tilt_to
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.alerting.rules import Change

    ChartOf: TypeAlias = Callable[[Baseline, float, float], Chart | Learning]

DAY = timedelta(days=1)
MONDAY = 0
SETTLED = range(29, 1, -1)
"""Days before the one at whose beginning a chart is made, oldest first: 28, without yesterday."""


@dataclass(frozen=True)
class Condition:
    """From the moment it was raised to the moment it ended, None while it lasts; and what raised it."""

    raised: datetime
    ended: datetime | None
    since: datetime
    numerator: int | None = None
    denominator: int | None = None


@dataclass(frozen=True)
class Following:
    """The chart in force, and for seconds the classes where the baseline was cut."""

    chart: Chart
    cuts: tuple[int, ...] = ()

    def demerits(self, metric: str, answer: Answer) -> int:
        return demerits(answer.value, self.cuts) if metric in SECONDS else answer.rank


@dataclass
class Standing:
    """Where a member stands: its score or, while raised, its recovery score, and the answers since 0."""

    following: Following | None = None
    score: int = 0
    answers: tuple[Answer, ...] = ()
    raised: Condition | None = None


def change_conditions(
    streams: Mapping[str, Sequence[Answer]], rule: Change, until: datetime, chart_of: ChartOf
) -> dict[str, list[Condition]]:
    """The conditions of each member; `streams` holds the whole family, which shares a budget in time."""
    days = {member: by_day(answers) for member, answers in streams.items()}
    return {
        member: conditions_of(member, days, rule, until, chart_of)
        for member, answers in streams.items()
        if answers
    }


def by_day(answers: Sequence[Answer]) -> dict[date, list[Answer]]:
    found: dict[date, list[Answer]] = defaultdict(list)
    for answer in answers:
        found[answer.at.astimezone(UTC).date()].append(answer)
    return found


def conditions_of(
    member: str,
    family: Mapping[str, Mapping[date, list[Answer]]],
    rule: Change,
    until: datetime,
    chart_of: ChartOf,
) -> list[Condition]:
    found: list[Condition] = []
    standing, day, own = Standing(), min(family[member]), family[member]
    while day <= until.astimezone(UTC).date():
        if standing.following is None or day.weekday() == MONDAY:
            renew(standing, following(member, family, rule, day, chart_of), day, found)
        if standing.following is not None:
            for answer in own.get(day, []):
                take(standing, standing.following, answer, rule.metric, found)
        day += DAY
    return [*found, standing.raised] if standing.raised else found


def take(standing: Standing, by: Following, answer: Answer, metric: str, found: list[Condition]) -> None:
    """One answer: it moves the score, or the recovery score while the condition is raised."""
    chart = by.chart
    worse = chart.step * by.demerits(metric, answer) - chart.allowance
    if standing.raised is not None:
        standing.score = max(0, standing.score - worse)
        if standing.score >= chart.limit:
            found.append(ended(standing.raised, answer.at))
            standing.raised, standing.score = None, 0
        return
    standing.score = max(0, standing.score + worse)
    standing.answers = (*standing.answers, answer) if standing.score > 0 else ()
    if standing.score >= chart.limit:
        told = standing.answers
        total = sum(each.value for each in told)
        standing.raised = Condition(answer.at, None, told[0].at, total, len(told))
        standing.score, standing.answers = 0, ()


def renew(standing: Standing, new: Following | None, day: date, found: list[Condition]) -> None:
    """The score is kept in nats. Who learns again forgets: no score, and what was raised ends."""
    old, standing.following = standing.following, new
    if new is None:
        if standing.raised is not None:
            found.append(ended(standing.raised, datetime(day.year, day.month, day.day, tzinfo=UTC)))
        standing.raised, standing.score, standing.answers = None, 0, ()
    elif old is not None:
        standing.score = round(standing.score * new.chart.per_nat / old.chart.per_nat)
        if standing.score == 0:
            standing.answers = ()


def ended(condition: Condition, at: datetime) -> Condition:
    return Condition(condition.raised, at, condition.since, condition.numerator, condition.denominator)


# --- the chart of a day -------------------------------------------------------------------------------


def following(
    member: str,
    family: Mapping[str, Mapping[date, list[Answer]]],
    rule: Change,
    day: date,
    chart_of: ChartOf,
) -> Following | None:
    """The chart from the settled days before `day`; None while it learns, or the fall is impossible."""
    history = settled(family[member], day)
    values = [answer.value for answer in chain(*history)]
    if not values:
        return None
    at = cuts(values) if rule.metric in SECONDS else ()
    if rule.metric in SECONDS and not at:
        return None
    known = baseline([counts(each, rule.metric, at) for each in history])
    try:
        tilt = tilt_to_find(rule, known, values, at)
        chart = chart_of(known, tilt, run_length(rule, member, family, day)) if tilt > 0 else None
    except InputError:
        return None
    return Following(chart, at) if isinstance(chart, Chart) else None


def settled(days: Mapping[date, list[Answer]], day: date) -> list[list[Answer]]:
    return [days.get(day - before * DAY, []) for before in SETTLED]


def counts(answers: Sequence[Answer], metric: str, at: tuple[int, ...]) -> tuple[int, ...]:
    of = [demerits(answer.value, at) if metric in SECONDS else answer.rank for answer in answers]
    levels = len(at) + 1 if metric in SECONDS else LEVELS.get(metric, 2)
    return tuple(of.count(level) for level in range(levels))


def tilt_to_find(rule: Change, known: Baseline, values: Sequence[int], at: tuple[int, ...]) -> float:
    if rule.fall.odds is not None:
        return math.log(rule.fall.odds)
    to = rule.fall.to
    assert to is not None
    if rule.metric in SECONDS:
        return tilt_to(healthy(known), demerits_at(to, values, at))
    return tilt_to(healthy(known), to if rule.metric in LOWER_IS_BETTER else BEST.get(rule.metric, 1) - to)


def run_length(
    rule: Change, member: str, family: Mapping[str, Mapping[date, list[Answer]]], day: date
) -> float:
    """The declared answers between false alarms; of a budget in time, the member's part on that day."""
    if rule.false_alarm_every.endswith(" answers"):
        return float(rule.false_alarm_every.removesuffix(" answers"))
    with_answers = [n for days in family.values() for n, each in enumerate(settled(days, day)) if each]
    known = max(with_answers) - min(with_answers) + 1
    volume = {name: len([*chain(*settled(days, day))]) / known for name, days in family.items()}
    seen = {name: rate for name, rate in volume.items() if rate > 0}
    return lengths_by_time(duration(rule.false_alarm_every) / DAY, seen)[member]
