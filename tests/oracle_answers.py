"""The judge's answers: what each event says of a metric, one answer at a time, as alerts read them.

For a share `value` is whether it counts, for a mean what is averaged; seconds are told in milliseconds, so
that they are whole. `counts` is what it adds to the denominator: 0 only for a survey of `response_rate`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from oracle import member_of, promotion
from oracle_events import (
    CONTACT,
    INVITATION,
    REOPEN,
    SURVEY,
    Event,
    filled,
    is_eligible,
    is_inbound,
    seen_by,
)
from oracle_first_contact import KEY, WEEK, FollowUp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta
    from decimal import Decimal

Said: TypeAlias = tuple[int, int]

LOWER_IS_BETTER = ("abandonment", "wait_mean", "handle_mean")
SECONDS = ("wait_mean", "handle_mean")
MEANS = ("csat_mean", "effort", "nps", *SECONDS)
FIELD = {
    "csat": "csat",
    "csat_mean": "csat",
    "effort": "effort",
    "effort_easy": "effort",
    "nps": "nps",
    "friendliness": "friendliness",
    "fcr_survey": "resolved",
}
LEAST_GOOD = {"csat": 4, "effort_easy": 5, "friendliness": 4, "fcr_survey": True}
BEST = {"csat_mean": 5, "effort": 7, "nps": 1}
LEVELS = {"csat_mean": 5, "effort": 7, "nps": 3}
"""How many different demerits an answer can have; a share has two."""


@dataclass(frozen=True, order=True)
class Answer:
    """In the order in which answers are taken: by time, and of one time the better first."""

    at: datetime
    rank: int
    value: int
    counts: int = 1


@dataclass(frozen=True)
class Definitions:
    """The settings of the metrics."""

    follow_up: timedelta = WEEK
    key: tuple[str, ...] = KEY
    service_level_s: Decimal | int = 20


def answers_by_member(
    accepted: Sequence[Event], metric: str, dimension: str, until: datetime, how: Definitions
) -> dict[str, list[Answer]]:
    """All answers with `at` up to `until`, by member, each member's in order, with hindsight from `until`."""
    if metric in {"fcr", "one_contact"}:
        raise ValueError(f"{metric} is provisional: no rule speaks of it")
    seen = seen_by(accepted, until)
    bearing = bearers(seen)
    found: dict[str, list[Answer]] = defaultdict(list)
    for event, at, (value, counts) in said(seen, metric, how):
        if at <= until:
            whole = filled(event, bearing[event.contact_id])
            found[member_of(whole, dimension)].append(Answer(at, badness(metric, value), value, counts))
    return {member: sorted(answers) for member, answers in sorted(found.items())}


def bearers(seen: Sequence[Event]) -> dict[str | None, list[Event]]:
    """The contacts by contact id: all that `filled` looks at."""
    found: dict[str | None, list[Event]] = defaultdict(list)
    for event in seen:
        if event.type == CONTACT:
            found[event.contact_id].append(event)
    return found


def said(seen: Sequence[Event], metric: str, how: Definitions) -> Iterator[tuple[Event, datetime, Said]]:
    """Each event that says something of the metric, when that is known, and what it says."""
    if metric == "fcr_settled":
        for contact, resolved in first_contacts(seen, how):
            yield contact, contact.occurred_at + how.follow_up, (int(resolved), 1)
        return
    for event in seen:
        of_one = of_contact(event, metric, how) if is_inbound(event) else of_answer(event, metric)
        if of_one:
            yield event, event.occurred_at, of_one


def of_contact(event: Event, metric: str, how: Definitions) -> Said | None:
    if metric == "contacts":
        return 1, 1
    if metric == "abandonment":
        return int(event.outcome == "abandoned"), 1
    seconds = event.handle_s if metric == "handle_mean" else event.wait_s
    if metric not in {"service_level", *SECONDS} or seconds is None or event.outcome == "abandoned":
        return None
    return (int(seconds <= how.service_level_s) if metric == "service_level" else int(seconds * 1000)), 1


def of_answer(event: Event, metric: str) -> Said | None:
    if metric == "response_rate":
        return {SURVEY: (1, 0), INVITATION: (0, 1)}.get(event.type)
    given = getattr(event, FIELD[metric]) if event.type == SURVEY and metric in FIELD else None
    if given is None:
        return None
    if metric == "nps":
        return promotion(given), 1
    return (int(given >= LEAST_GOOD[metric]) if metric in LEAST_GOOD else given), 1


def badness(metric: str, value: int) -> int:
    """More is worse: orders answers of one moment, and is the demerits themselves but for seconds."""
    return value if metric in LOWER_IS_BETTER else BEST.get(metric, 1) - value


def first_contacts(seen: Sequence[Event], how: Definitions) -> Iterator[tuple[Event, bool]]:
    """First contacts, and whether each was resolved; a contact's like are its key's and its reopens."""
    like: dict[object, list[Event]] = defaultdict(list)
    for event in seen:
        if event.type in {CONTACT, REOPEN}:
            like["id", event.contact_id].append(event)
        if is_inbound(event):
            like["key", key_of(event, how)].append(event)
    for contact in filter(is_eligible, seen):
        relatives = {
            e.identity: e for e in (*like["id", contact.contact_id], *like["key", key_of(contact, how)])
        }
        follow = FollowUp([*relatives.values()], contact.occurred_at, how.follow_up, how.key)
        if follow.is_first(contact):
            yield contact, follow.is_resolved(contact)


def key_of(contact: Event, how: Definitions) -> tuple[str | None, ...]:
    return tuple(getattr(contact, name) for name in how.key)
