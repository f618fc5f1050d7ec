"""Histories in which alerts fire and end: weeks of contacts and surveys with planted falls and recoveries.

Each brings rules that it makes fire, and arrivals in which some events come days late, twice, and in any
order within a batch. Times are whole minutes, so that many are equal. The same seed gives the same history.
Small ones for Hypothesis are in small_histories_of_alerts.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from random import Random
from typing import TYPE_CHECKING, Any

from oracle import CONTACT, INVITATION, REOPEN, SURVEY, Event, apply
from oracle_verdicts import verdict
from rules_of_alerts import seeded_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from histories import CloudEvent

    from pipeline.alerting.rules import Rules

START = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday."""
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CHANNELS = ("phone", "chat", "email")
REASONS = ("billing", "delivery", None)
TEAMS = ("t1", "t2")
LATEST = timedelta(days=9)


@dataclass(frozen=True)
class History:
    """CloudEvents in the order they happened, how they arrive, the rules, and a moment to look from."""

    events: Sequence[CloudEvent]
    arrivals: Sequence[Sequence[CloudEvent]]
    rules: Rules
    until: datetime

    @cached_property
    def accepted(self) -> list[Event]:
        """What the judge of records makes of them."""
        return accepted(self.events)

    @property
    def batches(self) -> list[list[bytes]]:
        """The arrivals as record values."""
        return [[json.dumps(event).encode() for event in batch] for batch in self.arrivals]

    def arrived(self, batches: int) -> list[Event]:
        """What is accepted after so many batches."""
        return accepted(event for batch in self.arrivals[:batches] for event in batch)


def accepted(events: Iterable[CloudEvent]) -> list[Event]:
    return apply(judged(json.dumps(event).encode()) for event in events)[0]


@lru_cache(maxsize=100_000)
def judged(value: bytes) -> Event:
    found = verdict(value, None)
    assert found.event, found.reason
    return found.event


@dataclass(frozen=True)
class Episode:
    """Something that befalls the contacts of one member for a while: `what` is a planted fall, or a gap."""

    what: str
    where: Mapping[str, str | None]
    begin: datetime
    end: datetime

    def befalls(self, contact: Mapping[str, Any], at: datetime) -> bool:
        return self.begin <= at < self.end and all(contact.get(k) == v for k, v in self.where.items())


WHATS = ("bad answers", "unresolved", "abandoned", "slow", "slow", "gap", "gap")


@dataclass
class Telling:
    """A history while it is told."""

    rng: Random
    days: int
    episodes: Sequence[Episode]
    events: list[CloudEvent] = field(default_factory=list)

    def add(self, kind: str, at: datetime, **data: Any) -> None:
        known = {name: value for name, value in data.items() if value is not None}
        self.events.append(cloud_event(kind, f"e{len(self.events)}", at, known))

    def befallen(self, what: str, contact: Mapping[str, Any], at: datetime) -> bool:
        return any(each.what == what and each.befalls(contact, at) for each in self.episodes)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share


def seeded_history(seed: int, days: int | None = None, contacts_a_day: int = 14) -> History:
    """Three to six weeks of two or three channels; the same seed gives the same history."""
    rng = Random(seed)  # noqa: S311 - seeded, to be the same every time
    days = days or rng.randint(21, 42)
    telling = Telling(rng, days, [*episodes(rng, days)])
    comings = {channel: coming(rng, days) for channel in CHANNELS}
    for day in range(days):
        here = [channel for channel in CHANNELS if comings[channel][0] <= day < comings[channel][1]]
        for _ in range(rng.randint(contacts_a_day // 2, contacts_a_day * 3 // 2) if here else 0):
            tell_contact(telling, rng.choice(here), day)
    events = sorted(telling.events, key=lambda event: event["time"])
    until = START + days * DAY - rng.choice((0, 0, 1, 7 * 24, 60)) * timedelta(hours=1)
    return History(events, arrivals_of(events, rng), seeded_rules(rng), until)


def coming(rng: Random, days: int) -> tuple[int, int]:
    """Most members are there all the time; some come later, some go, some both."""
    begin = rng.choice((0, 0, 0, days // 4))
    return begin, rng.choice((days, days, days, days * 3 // 4))


def episodes(rng: Random, days: int) -> Iterable[Episode]:
    for _ in range(rng.randint(1, 4)):
        begin = START + rng.randint(days // 2, days - 3) * DAY + rng.randint(0, 23) * timedelta(hours=1)
        where = rng.choice(
            ({}, {"channel": rng.choice(CHANNELS)}, {"reason": rng.choice(REASONS)}, {"team": "t1"})
        )
        yield Episode(rng.choice(WHATS), where, begin, begin + rng.randint(12, 24 * 6) * timedelta(hours=1))


def tell_contact(telling: Telling, channel: str, day: int) -> None:
    """One contact, and perhaps its invitation, its survey, a repeat, a reopen."""
    rng, number = telling.rng, len(telling.events)
    at = START + day * DAY + rng.randint(7 * 12, 19 * 12) * 5 * MINUTE
    contact = {
        "contact_id": f"k{number}",
        "customer_id": f"c{number if telling.chance(0.9) else rng.randint(0, 20)}",
        "channel": channel,
        "reason": rng.choice(REASONS),
        "team": rng.choice(TEAMS),
    }
    if telling.befallen("gap", contact, at):
        return
    slow = 6 if telling.befallen("slow", contact, at) else 1
    outcome = (
        "abandoned" if telling.chance(0.6 if telling.befallen("abandoned", contact, at) else 0.08) else None
    )
    telling.add(CONTACT, at, **contact, outcome=outcome, **durations(rng, channel, slow))
    if outcome is None:
        tell_what_follows(telling, contact, at)


def durations(rng: Random, channel: str, slow: int) -> dict[str, float]:
    """In seconds: many chats wait not at all, e-mails all alike; some calls are left open over night."""
    wait = {"phone": rng.randint(1, 24), "chat": rng.choice((0, 0, 0.24, 0.256, 8)), "email": 3}[channel]
    handle = round(rng.choice((30, 120, 120, 240)) * rng.uniform(0.7, 1.4), 3)
    return {"wait_s": wait * slow, "handle_s": 40_000 if rng.random() < 1 / 80 else handle * slow}


def tell_what_follows(telling: Telling, contact: dict[str, Any], at: datetime) -> None:
    rng = telling.rng
    if telling.chance(0.7 if telling.befallen("unresolved", contact, at) else 0.1):
        again = at + rng.randint(1, 6 * 24) * timedelta(hours=1)
        if telling.chance(0.5):
            telling.add(REOPEN, again, customer_id=contact["customer_id"], contact_id=contact["contact_id"])
        else:
            telling.add(CONTACT, again, **{**contact, "contact_id": contact["contact_id"] + "b"})
    if telling.chance(0.8):
        named = {name: contact[name] for name in ("customer_id", "contact_id", "channel")}
        telling.add(INVITATION, at + MINUTE, **named)
        if telling.chance(0.8):
            tell_survey(telling, contact, named, at)


def tell_survey(telling: Telling, contact: dict[str, Any], named: dict[str, Any], at: datetime) -> None:
    """One in twenty is dated before its contact, by up to two days; some name what they mean themselves."""
    rng = telling.rng
    early = telling.chance(0.05)
    after = -rng.randint(1, 48) * timedelta(hours=1) if early else rng.choice((0, 0, 5, 30, 600)) * MINUTE
    bad = telling.chance(0.9 if telling.befallen("bad answers", contact, at) else 0.15)
    answers = {
        "csat": rng.choice((1, 2, 3) if bad else (4, 5)),
        "effort": rng.choice((1, 2, 4) if bad else (5, 6, 7)),
        "nps": rng.choice((0, 6, 7) if bad else (8, 9, 10)),
        "friendliness": rng.choice((1, 3) if bad else (4, 5)),
        "resolved": not bad,
    }
    kept = {name: value for name, value in answers.items() if telling.chance(0.9)} or {
        "csat": answers["csat"]
    }
    own = {name: contact[name] for name in ("reason", "team") if telling.chance(0.1)}
    telling.add(SURVEY, max(START, at + after), **named, **own, **kept)


def cloud_event(kind: str, name: str, at: datetime, data: Mapping[str, Any]) -> CloudEvent:
    return {
        "specversion": "1.0",
        "id": name,
        "source": "crm" if len(name) % 2 else "ivr",
        "type": kind,
        "time": at.isoformat().replace("+00:00", "Z"),
        "data": dict(data),
    }


def arrivals_of(events: Sequence[CloudEvent], rng: Random) -> list[list[CloudEvent]]:
    """Batches of a day or so; one event in fifteen is up to nine days late, one in thirty comes twice."""
    due: list[tuple[datetime, float, CloudEvent]] = []
    for event in events:
        at = datetime.fromisoformat(event["time"])
        late = rng.random() * LATEST if rng.random() < 1 / 15 else timedelta(0)
        due.append((at + late, rng.random(), event))
        if rng.random() < 1 / 30:
            due.append((at + rng.random() * LATEST, rng.random(), event))
    due.sort(key=lambda each: each[:2])
    batches: list[list[CloudEvent]] = []
    while due:
        size = rng.randint(1, max(1, len(events) // 20))
        batch, due = [event for *_, event in due[:size]], due[size:]
        rng.shuffle(batch)
        batches.append(batch)
    return batches
