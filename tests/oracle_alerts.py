"""The judge of alerts: which flips stand at a moment, from the accepted events and the rules alone.

Kinds change, threshold, drop, and silence for a fixed time. In plain Python, slow and obvious; only charts
come from the program. What the words of the issue leave open is decided here as the tests beside it say.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from oracle import duration
from oracle_answers import SECONDS, Answer, Definitions, answers_by_member
from oracle_change import Condition, change_conditions
from oracle_events import Event, seen_by
from oracle_windows import window_conditions

from pipeline.alerting.rules import Change, Drop, OfMetric, Quality, Rules, Silence, Threshold
from pipeline.detection.caution import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from oracle_change import ChartOf

NO_TIME = timedelta(0)


@dataclass(frozen=True)
class Flip:
    """One change of an alert's state that stands, and what raised the alert: the answers from `since` on."""

    rule: str
    dimension: str
    member: str
    state: str
    occurred_at: datetime
    since: datetime
    numerator: int | Decimal | None
    denominator: int | None


def standing_flips(
    accepted: Sequence[Event],
    rules: Rules,
    until: datetime,
    *,
    definitions: Definitions | None = None,
    chart_of: ChartOf = prepared,
) -> list[Flip]:
    """By rule as in the file, then member, then time; without kind quality and silence `usual`."""
    found: list[Flip] = []
    for rule in rules.rules:
        conditions = conditions_by_member(accepted, rule, until, definitions or Definitions(), chart_of)
        for member, each in sorted(conditions.items()):
            found += life(rule, member, each, until)
    return found


def conditions_by_member(
    accepted: Sequence[Event],
    rule: Threshold | Drop | Change | Silence | Quality,
    until: datetime,
    definitions: Definitions,
    chart_of: ChartOf,
) -> dict[str, list[Condition]]:
    if isinstance(rule, OfMetric):
        streams = watched(answers_by_member(accepted, rule.metric, rule.by, until, definitions), rule)
        if isinstance(rule, Change):
            return change_conditions(streams, rule, until, chart_of)
        return {member: window_conditions(rule.metric, a, rule, until) for member, a in streams.items()}
    if isinstance(rule, Silence) and rule.after != "usual":
        return silence_conditions(seen_by(accepted, until), rule, until)
    return {}


def watched(streams: dict[str, list[Answer]], rule: OfMetric) -> dict[str, list[Answer]]:
    return {member: a for member, a in streams.items() if rule.members is None or member in rule.members}


def silence_conditions(seen: Sequence[Event], rule: Silence, until: datetime) -> dict[str, list[Condition]]:
    """An event without a channel is no event of any channel."""
    after = duration(rule.after)
    times: dict[str, list[datetime]] = defaultdict(list)
    for event in seen:
        member = {"all": "all", "channel": event.channel, "source": event.source}[rule.by]
        if member is not None and (rule.members is None or member in rule.members):
            times[member].append(event.occurred_at)
    return {member: [*silences(sorted(of), after, until)] for member, of in times.items()}


def silences(times: Sequence[datetime], after: timedelta, until: datetime) -> Iterator[Condition]:
    for last, following in zip(times, [*times[1:], None], strict=True):
        if (following or until) - last > after:
            yield Condition(last + after, following, last)


# --- from condition to flips --------------------------------------------------------------------------


def life(
    rule: Threshold | Drop | Change | Silence | Quality,
    member: str,
    conditions: Sequence[Condition],
    until: datetime,
) -> Iterator[Flip]:
    """The flips up to `until`, alert after alert."""
    left = list(conditions)
    while left:
        condition = left.pop(0)
        for state, at in states(rule, condition, left):
            if at <= until:
                yield flip(rule, member, state, at, condition)


def states(
    rule: Threshold | Drop | Change | Silence | Quality, condition: Condition, left: list[Condition]
) -> Iterator[tuple[str, datetime]]:
    """The life of the alert that this condition raises; takes those that keep it firing from `left`."""
    fires_at = condition.raised
    if rule.hold is not None:
        yield "pending", condition.raised
        fires_at += duration(rule.hold)
        if condition.ended is not None and condition.ended <= fires_at:
            yield "resolved", condition.ended
            return
    yield "firing", fires_at
    keep = duration(rule.keep_firing_for) if rule.keep_firing_for else NO_TIME
    ended = condition.ended
    while ended is not None and left and left[0].raised <= ended + keep:
        ended = left.pop(0).ended
    if ended is not None:
        yield "resolved", ended + keep


def flip(
    rule: Threshold | Drop | Change | Silence | Quality,
    member: str,
    state: str,
    at: datetime,
    condition: Condition,
) -> Flip:
    numerator: int | Decimal | None = condition.numerator
    if isinstance(rule, OfMetric) and rule.metric in SECONDS and numerator is not None:
        numerator = Decimal(numerator) / 1000
    dimension = rule.by if not isinstance(rule, Quality) else "all"
    return Flip(rule.name, dimension, member, state, at, condition.since, numerator, condition.denominator)
