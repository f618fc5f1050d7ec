"""The judge's events: which of them count, and which contact one speaks of (contract sections 1 and 4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

CONTACT = "touchpoint.contact.v1"
SURVEY = "touchpoint.survey.v1"
INVITATION = "touchpoint.invitation.v1"
REOPEN = "touchpoint.reopen.v1"
ERASURE = "touchpoint.erasure.v1"

INHERITED = ("reason", "agent_id", "team", "segment", "stage")


@dataclass(frozen=True, kw_only=True)
class Event:
    """An accepted event as sent: the columns of `touchpoints` without coordinates and `ingested_at`."""

    source: str
    id: str
    type: str
    occurred_at: datetime
    customer_id: str
    contact_id: str | None = None
    channel: str | None = None
    direction: str | None = None
    handled_by: str | None = None
    outcome: str | None = None
    reason: str | None = None
    agent_id: str | None = None
    team: str | None = None
    segment: str | None = None
    stage: str | None = None
    wait_s: Decimal | None = None
    handle_s: Decimal | None = None
    csat: int | None = None
    effort: int | None = None
    nps: int | None = None
    friendliness: int | None = None
    resolved: bool | None = None
    comment: str | None = None

    @property
    def identity(self) -> tuple[str, str, datetime]:
        return (self.source, self.id, self.occurred_at)


def apply(events: Iterable[Event]) -> tuple[list[Event], int]:
    """The accepted events and the number of duplicates, for events in the order they are consumed."""
    accepted: dict[tuple[str, str, datetime], Event] = {}
    duplicates = 0
    for event in events:
        if event.identity in accepted:
            duplicates += 1
        else:
            accepted[event.identity] = event
    return list(accepted.values()), duplicates


def seen_by(accepted: Sequence[Event], as_of: datetime) -> list[Event]:
    """What `as_of` leaves of the accepted events: nothing later than it."""
    return [event for event in accepted if event.occurred_at <= as_of]


def contact_meant(contact_id: str | None, seen: Sequence[Event]) -> Event | None:
    """The contact that a survey, an invitation or a reopen speaks of: the earliest bearing the id."""
    if contact_id is None:
        return None
    bearing = [event for event in seen if event.type == CONTACT and event.contact_id == contact_id]
    return min(bearing, key=lambda event: (event.occurred_at, event.source, event.id), default=None)


def filled(event: Event, seen: Sequence[Event]) -> Event:
    """The event with what a survey or an invitation leaves out taken from its contact."""
    if event.type not in {SURVEY, INVITATION}:
        return event
    contact = contact_meant(event.contact_id, seen)
    if contact is None:
        return event
    left_out = [name for name in INHERITED if getattr(event, name) is None]
    return replace(event, **{name: getattr(contact, name) for name in left_out})


def is_inbound(event: Event) -> bool:
    return event.type == CONTACT and event.direction == "inbound"


def is_eligible(event: Event) -> bool:
    return is_inbound(event) and event.outcome != "abandoned"


def order(contact: Event) -> tuple[datetime, bytes, bytes, bytes]:
    """Before and after among contacts of one key, also at one instant."""
    names = (contact.contact_id or "", contact.source, contact.id)
    first, second, third = (name.encode() for name in names)
    return (contact.occurred_at, first, second, third)
