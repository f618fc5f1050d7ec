"""The judge of silence: what a clock saw of one member, look after look, by the events known at each.

A silence of a fixed time is too long once more than that has passed since the last event. An unusual one is
once 30 events would have come: as many as came, on average, in the same hours of the week of the 28 days up
to the last event, those before the first event not counted; a member of whom less than 7 days are known is
not judged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from oracle import duration
from oracle_change import Condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.alerting.rules import Silence

    Look = tuple[datetime, Sequence[datetime]]
    """A moment, and when the events that are known by then occurred."""

NOTHING = timedelta(0)
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
MISSING = 30


def silence_seen(looks: Sequence[Look], rule: Silence) -> list[Condition]:
    """From when to when it was silent for too long, as far as anyone who looked could see."""
    hold = duration(rule.hold) if rule.hold else NOTHING
    found: list[Condition] = []
    held: Condition | None = None
    before = EPOCH
    for now, times in looks:
        if held and (end := ended(held, times, rule, now)):
            fired = held.raised + hold
            if fired <= before:  # that was told, and stays true
                end = max(end, fired + MICROSECOND)
            found.append(replace(held, ended=end))
            held = None
        if held is None and times and (raised := too_long_at(times, rule, now)):
            held = Condition(raised, None, max(times))
        before = now
    return [*found, held] if held else found


def ended(held: Condition, times: Sequence[datetime], rule: Silence, now: datetime) -> datetime | None:
    """With the next event; at its very beginning where what came late says that there was none."""
    following = [each for each in times if each >= held.raised]
    if following:
        return min(following)
    return None if too_long_at(times, rule, now) else held.raised


def too_long_at(times: Sequence[datetime], rule: Silence, now: datetime) -> datetime | None:
    last = max(times)
    if rule.after != "usual":
        limit = last + duration(rule.after)
        return limit if now > limit else None
    recent = [each for each in times if each > last - 4 * WEEK]
    if last - min(recent) < WEEK:
        return None
    rates: dict[timedelta, Fraction] = {}
    missing, at = Fraction(0), last
    while at < now:
        end, hour = min(hour_of(at) + HOUR, now), (hour_of(at) - EPOCH) % WEEK
        rate = rates[hour] if hour in rates else rates.setdefault(hour, in_an_hour_like(at, recent))
        would_come = rate * Fraction((end - at) // MICROSECOND, HOUR // MICROSECOND)
        if missing + would_come >= MISSING:
            return at + float((MISSING - missing) / rate) * HOUR
        missing, at = missing + would_come, end
    return None


def in_an_hour_like(at: datetime, recent: Sequence[datetime]) -> Fraction:
    """The mean of the same hours of the week from the first event to the last; four of them at most."""
    same = Counter(hour_of(each) for each in recent if (hour_of(each) - hour_of(at)) % WEEK == NOTHING)
    hour, last, hours = hour_of(min(recent)), max(recent), 0
    while hour <= last:
        hours += (hour - hour_of(at)) % WEEK == NOTHING
        hour += HOUR
    return Fraction(same.total(), min(4, max(1, hours)))


def hour_of(at: datetime) -> datetime:
    return at - (at - EPOCH) % HOUR
