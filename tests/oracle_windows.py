"""The judge of kinds threshold and drop: one grid moment after the other, each with its windows."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from oracle import Reading, count, duration, mean, share
from oracle_answers import LOWER_IS_BETTER, MEANS, SECONDS, Answer
from oracle_change import Condition

from pipeline.alerting.rules import Drop, Threshold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEKS = [timedelta(days=7 * weeks) for weeks in (1, 2, 3, 4)]
EVERY = {
    "15m": timedelta(minutes=5),
    "1h": timedelta(minutes=15),
    "24h": timedelta(hours=1),
    "7d": timedelta(hours=6),
    "28d": timedelta(days=1),
}


@dataclass
class Stream:
    """One member's answers, and what they say in a window; a window of the same answers is read once."""

    metric: str
    answers: Sequence[Answer]
    known: dict[tuple[int, int], Reading | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.times = [answer.at for answer in self.answers]

    def reading(self, until: datetime, span: timedelta) -> Reading | None:
        """Over (until - span, until]; None where it has no answers. Seconds are in milliseconds."""
        window = bisect_right(self.times, until - span), bisect_right(self.times, until)
        if window not in self.known:
            self.known[window] = read(self.metric, self.answers[slice(*window)])
        return self.known[window]


def read(metric: str, answers: Sequence[Answer]) -> Reading | None:
    values = [answer.value for answer in answers]
    if metric == "contacts":
        return count(len(values))
    found = mean(values) if metric in MEANS else share(sum(values), sum(each.counts for each in answers))
    return found and around_its_value(found)


def around_its_value(found: Reading) -> Reading:
    """At 0 of n or n of n a bound may miss the value by the last bit of a float."""
    low = None if found.low is None else min(found.low, found.value)
    high = None if found.high is None else max(found.high, found.value)
    return replace(found, low=low, high=high)


def window_conditions(
    metric: str, answers: Sequence[Answer], rule: Threshold | Drop, until: datetime
) -> list[Condition]:
    """From the first grid moment of each run of raised ones to the first after it."""
    stream, span = Stream(metric, answers), duration(rule.span)
    found: list[Condition] = []
    begun: Condition | None = None
    for moment in grid(stream, rule, until):
        raised = (
            is_low(stream, rule, moment) if isinstance(rule, Threshold) else is_worse(stream, rule, moment)
        )
        if raised and begun is None:
            now = stream.reading(moment, span)
            numerator, denominator = (int(now.numerator), now.denominator) if now else (0, 1)
            begun = Condition(moment, None, moment - span, numerator, denominator)
        elif begun and not raised:
            found.append(Condition(begun.raised, moment, begun.since, begun.numerator, begun.denominator))
            begun = None
    return [*found, begun] if begun else found


def grid(stream: Stream, rule: Threshold | Drop, until: datetime) -> Iterator[datetime]:
    """From the first answer until nothing can be raised any more."""
    step = EVERY[rule.span]
    moment = EPOCH + -((EPOCH - stream.times[0]) // step) * step
    last = min(until, stream.times[-1] + duration(rule.span) + step + WEEKS[-1])
    while moment <= last:
        yield moment
        moment += step


def is_low(stream: Stream, rule: Threshold, moment: datetime) -> bool:
    now = stream.reading(moment, duration(rule.span))
    if now is None or now.low is None or now.high is None:
        return False
    unit = 1000 if rule.metric in SECONDS else 1
    if rule.below is not None:
        return now.high / unit < rule.below
    return rule.above is not None and now.low / unit > rule.above


def is_worse(stream: Stream, rule: Drop, moment: datetime) -> bool:
    span = duration(rule.span)
    weeks = [week for back in WEEKS if (week := stream.reading(moment - back, span))]
    if len(weeks) < 2:
        return False
    now = stream.reading(moment, span)
    if rule.metric == "contacts":
        usual = float(sum(week.numerator for week in weeks)) / len(weeks)
        return (math.sqrt(now.numerator if now else 0) + 0.98) ** 2 < usual * (1 - rule.by_more_than)
    if now is None or now.low is None or now.high is None:
        return False
    base = float(sum(week.numerator for week in weeks)) / sum(week.denominator for week in weeks)
    if rule.metric in LOWER_IS_BETTER:
        return now.low > base * (1 + rule.by_more_than)
    above_worst = base + 1 if rule.metric == "nps" else base
    return now.high < base - rule.by_more_than * above_worst
