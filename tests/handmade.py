"""Touchpoints made by hand, for histories small enough to be worked out on paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oracle import CONTACT, INVITATION, REOPEN, SURVEY, Event, Reading, readings

if TYPE_CHECKING:
    from collections.abc import Sequence

T = datetime(2026, 11, 8, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SPAN = timedelta(days=28)


def event(kind: str, name: str, at: datetime, **fields: Any) -> Event:
    whole = {"source": "s", "customer_id": "c", "channel": "phone"} | fields
    return Event(id=name, type=kind, occurred_at=at, **whole)


def contact(name: str, at: datetime = T, **fields: Any) -> Event:
    """An inbound contact; its contact id is its name unless told otherwise."""
    return event(CONTACT, name, at, **{"contact_id": name, "direction": "inbound"} | fields)


def survey(name: str, at: datetime = T, **fields: Any) -> Event:
    return event(SURVEY, name, at, **fields)


def invitation(name: str, at: datetime = T, **fields: Any) -> Event:
    return event(INVITATION, name, at, **fields)


def reopen(name: str, at: datetime, contact_id: str) -> Event:
    return event(REOPEN, name, at, contact_id=contact_id, channel=None)


def others(number: int, **fields: Any) -> list[Event]:
    """So many contacts of as many customers, so that none is another's repeat."""
    return [contact(f"o{n}", customer_id=f"o{n}", **fields) for n in range(number)]


def reading(
    events: Sequence[Event], metric: str, as_of: datetime = T + SPAN - MICROSECOND, **how: Any
) -> Reading | None:
    """The one reading over everything that happened from T on."""
    return readings(events, as_of, SPAN, "all", **how).get((metric, "all"))


def fraction(
    events: Sequence[Event], metric: str, as_of: datetime = T + SPAN - MICROSECOND, **how: Any
) -> str:
    found = reading(events, metric, as_of, **how)
    return f"{found.numerator}/{found.denominator}" if found else "no row"
