"""The judge of the figures: contract sections 3 and 4 in plain Python, slow and obvious.

Written from the contract's text alone and sharing no line and no idea with `pipeline`: where the two
disagree, one of them misread the contract. Every question ("is this a first contact?") looks at every event.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from oracle_events import (
    CONTACT,
    ERASURE,
    INVITATION,
    REOPEN,
    SURVEY,
    Event,
    apply,
    contact_meant,
    filled,
    is_eligible,
    is_inbound,
    order,
    seen_by,
)
from oracle_first_contact import KEY, WEEK, FollowUp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

__all__ = [
    "CONTACT",
    "DIMENSIONS",
    "ERASURE",
    "INVITATION",
    "KEY",
    "REOPEN",
    "SPANS",
    "SURVEY",
    "WEEK",
    "Event",
    "FollowUp",
    "Reading",
    "apply",
    "contacts",
    "duration",
    "readings",
]

NONE = "(none)"
Z = 1.96
SPANS = ("15m", "1h", "24h", "7d", "28d")
DIMENSIONS = {
    "all": None,
    "channel": "channel",
    "reason": "reason",
    "agent": "agent_id",
    "team": "team",
    "segment": "segment",
    "stage": "stage",
}


@dataclass(frozen=True)
class Reading:
    """One row of `metrics`: numerator and denominator are exact, the rest are derived from them."""

    numerator: int | Decimal
    denominator: int
    value: float
    low: float | None = None
    high: float | None = None


def duration(text: str) -> timedelta:
    """The length of time that a contract duration names: '15m', '24h', '28d'."""
    found = re.fullmatch(r"([0-9]+)([mhd])", text)
    if found is None or int(found[1]) == 0:
        raise ValueError(f"{text!r} is no duration: write a positive whole number and m, h or d")
    unit = {"m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def readings(
    accepted: Sequence[Event],
    as_of: datetime,
    span: timedelta,
    dimension: str,
    *,
    follow_up: timedelta = WEEK,
    key: tuple[str, ...] = KEY,
    service_level_s: Decimal | int = 20,
) -> dict[tuple[str, str], Reading]:
    """All rows of `metrics_at(as_of, span, dimension)`, as {(metric, member): reading}."""
    seen = seen_by(accepted, as_of)
    follow = FollowUp(seen, as_of, follow_up, key)
    in_window = [filled(event, seen) for event in seen if as_of - event.occurred_at < span]
    # (as_of - F - span, as_of - F], said without moving a moment
    window_before = [e for e in seen if follow_up <= as_of - e.occurred_at < follow_up + span]
    rows: dict[tuple[str, str], Reading] = {}
    for member in {member_of(event, dimension) for event in (*in_window, *window_before)}:
        here = [event for event in in_window if member_of(event, dimension) == member]
        before = [event for event in window_before if member_of(event, dimension) == member]
        measured = {
            **contact_readings(here, service_level_s),
            **survey_readings(here),
            **first_contact_readings(here, before, follow),
        }
        rows.update({(metric, member): reading for metric, reading in measured.items() if reading})
    return rows


def member_of(event: Event, dimension: str) -> str:
    field = DIMENSIONS[dimension]
    if field is None:
        return "all"
    value: str | None = getattr(event, field)
    return NONE if value is None else value


def contact_readings(events: Sequence[Event], service_level_s: Decimal | int) -> dict[str, Reading | None]:
    inbound = [event for event in events if is_inbound(event)]
    waits = [e.wait_s for e in inbound if e.outcome != "abandoned" and e.wait_s is not None]
    handles = [e.handle_s for e in inbound if e.outcome != "abandoned" and e.handle_s is not None]
    return {
        "contacts": count(len(inbound)),
        "abandonment": share(sum(e.outcome == "abandoned" for e in inbound), len(inbound)),
        "wait_mean": mean(waits),
        "handle_mean": mean(handles),
        "service_level": share(sum(wait <= service_level_s for wait in waits), len(waits)),
    }


def survey_readings(events: Sequence[Event]) -> dict[str, Reading | None]:
    surveys = [event for event in events if event.type == SURVEY]
    invitations = [event for event in events if event.type == INVITATION]
    csat = [e.csat for e in surveys if e.csat is not None]
    effort = [e.effort for e in surveys if e.effort is not None]
    nps = [e.nps for e in surveys if e.nps is not None]
    friendliness = [e.friendliness for e in surveys if e.friendliness is not None]
    resolved = [e.resolved for e in surveys if e.resolved is not None]
    return {
        "csat": share(sum(answer >= 4 for answer in csat), len(csat)),
        "csat_mean": mean(csat),
        "effort": mean(effort),
        "effort_easy": share(sum(answer >= 5 for answer in effort), len(effort)),
        "nps": mean([promotion(answer) for answer in nps]),
        "friendliness": share(sum(answer >= 4 for answer in friendliness), len(friendliness)),
        "fcr_survey": share(sum(resolved), len(resolved)),
        "response_rate": share(len(surveys), len(invitations)),
    }


def promotion(nps: int) -> int:
    """+1 for a promoter (9-10), -1 for a detractor (0-6), 0 between."""
    if nps >= 9:
        return 1
    return -1 if nps <= 6 else 0


def first_contact_readings(
    here: Sequence[Event], before: Sequence[Event], follow: FollowUp
) -> dict[str, Reading | None]:
    first = [event for event in here if is_eligible(event) and follow.is_first(event)]
    first_before = [event for event in before if is_eligible(event) and follow.is_first(event)]
    resolved = [event for event in first if follow.is_resolved(event)]
    resolved_before = [event for event in first_before if follow.is_resolved(event)]
    not_transferred = [event for event in resolved if event.outcome != "transferred"]
    return {
        "fcr": share(len(resolved), len(first)),
        "fcr_settled": share(len(resolved_before), len(first_before)),
        "one_contact": share(len(not_transferred), len(first)),
    }


# --- a number and its interval ------------------------------------------------------------------------


def count(number: int) -> Reading | None:
    return Reading(number, 1, float(number)) if number else None


def share(numerator: int, denominator: int) -> Reading | None:
    """A share with its Wilson interval; above 1 (more answers than invitations) it has none."""
    if denominator == 0:
        return None
    value = numerator / denominator
    if numerator > denominator:
        return Reading(numerator, denominator, value)
    return Reading(numerator, denominator, value, *wilson(value, denominator))


def wilson(p: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of Wilson (1927), without continuity correction."""
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return middle - reach, middle + reach


def mean(values: Sequence[int] | Sequence[Decimal]) -> Reading | None:
    """A mean with z standard errors either side; one value alone says nothing about its spread."""
    n = len(values)
    if n == 0:
        return None
    total = sum(values)
    average = Fraction(total) / n
    if n == 1:
        return Reading(total, n, float(average))
    variance = sum((Fraction(value) - average) ** 2 for value in values) / (n - 1)
    reach = Z * math.sqrt(variance) / math.sqrt(n)
    return Reading(total, n, float(average), float(average) - reach, float(average) + reach)


# --- the view `contacts` ------------------------------------------------------------------------------

COPIED = (
    *("source", "id", "occurred_at", "customer_id", "contact_id", "channel", "direction", "handled_by"),
    *("outcome", "reason", "agent_id", "team", "segment", "stage", "wait_s", "handle_s"),
)


def contacts(
    accepted: Sequence[Event], now: datetime, follow_up: timedelta = WEEK, key: tuple[str, ...] = KEY
) -> list[dict[str, Any]]:
    """The rows of view `contacts` as of `now`, in the order (occurred_at, contact_id, source, id)."""
    seen = seen_by(accepted, now)
    follow = FollowUp(seen, now, follow_up, key)
    return [
        {name: getattr(contact, name) for name in COPIED}
        | answers_about(contact, seen)
        | follow_up_of(contact, follow)
        for contact in sorted((event for event in seen if event.type == CONTACT), key=order)
    ]


def answers_about(contact: Event, seen: Sequence[Event]) -> dict[str, Any]:
    """The answers of the contact's latest survey: of one survey, nothing mixed in from older ones."""
    meant = contact_meant(contact.contact_id, seen) == contact
    surveys = [e for e in seen if meant and e.type == SURVEY and e.contact_id == contact.contact_id]
    latest = max(surveys, key=lambda survey: (survey.occurred_at, survey.source, survey.id), default=None)
    return {
        "csat": latest and latest.csat,
        "effort": latest and latest.effort,
        "nps": latest and latest.nps,
        "friendliness": latest and latest.friendliness,
        "customer_says_resolved": latest and latest.resolved,
    }


def follow_up_of(contact: Event, follow: FollowUp) -> dict[str, Any]:
    eligible = is_eligible(contact)
    first = eligible and follow.is_first(contact)
    return {
        "is_first_contact": first if eligible else None,
        "repeated_at": follow.repeated_at(contact) if eligible else None,
        "reopened_at": follow.reopened_at(contact) if eligible else None,
        "resolved_at_first_contact": follow.is_resolved(contact) if first else None,
        "settled": follow.is_settled(contact) if first else None,
    }
