"""The judge of first-contact resolution: contract section 4, one question at a time.

Moments are only ever subtracted from each other, never moved, so that no year is too early or too late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from oracle_events import REOPEN, Event, contact_meant, is_eligible, is_inbound, order

if TYPE_CHECKING:
    from collections.abc import Sequence

WEEK = timedelta(days=7)
KEY = ("customer_id", "reason")


@dataclass(frozen=True)
class FollowUp:
    """First-contact resolution as seen at `as_of`; `seen` holds nothing later."""

    seen: Sequence[Event]
    as_of: datetime
    length: timedelta = WEEK
    key: tuple[str, ...] = KEY

    def of_same_key(self, contact: Event) -> list[Event]:
        """The other inbound contacts of the contact's key; a missing reason is a reason of its own."""
        wanted = [getattr(contact, name) for name in self.key]
        return [
            other
            for other in self.seen
            if is_inbound(other)
            and other.identity != contact.identity
            and [getattr(other, name) for name in self.key] == wanted
        ]

    def is_first(self, contact: Event) -> bool:
        """Whether no eligible contact of the key began in [t - F, t), ties going by their names."""
        return not any(
            is_eligible(other)
            and order(other) < order(contact)
            and contact.occurred_at - other.occurred_at <= self.length
            for other in self.of_same_key(contact)
        )

    def repeated_at(self, contact: Event) -> datetime | None:
        """When the key came back within (t, t + F], or as a later tie; abandoned contacts count."""
        return min(
            (
                other.occurred_at
                for other in self.of_same_key(contact)
                if order(other) > order(contact) and other.occurred_at - contact.occurred_at <= self.length
            ),
            default=None,
        )

    def reopened_at(self, contact: Event) -> datetime | None:
        """When the contact was first reopened within (t, t + F]."""
        return min(
            (
                event.occurred_at
                for event in self.seen
                if event.type == REOPEN
                and event.contact_id == contact.contact_id
                and contact_meant(event.contact_id, self.seen) == contact
                and timedelta(0) < event.occurred_at - contact.occurred_at <= self.length
            ),
            default=None,
        )

    def is_resolved(self, contact: Event) -> bool:
        return (
            self.repeated_at(contact) is None
            and self.reopened_at(contact) is None
            and contact.outcome not in {"unresolved", "escalated"}
        )

    def is_settled(self, contact: Event) -> bool:
        return self.as_of - contact.occurred_at >= self.length
