"""Hypothesis strategies: small, spiteful histories of touchpoints, their arrivals and moments to look from.

Few customers, reasons, agents and contact ids, and times from a coarse grid, so that what rarely meets in
life meets here all the time: equal instants, contacts exactly F apart or a microsecond beside it, surveys and
reopens of contacts that come later, never, or twice. Single records, valid and broken, are in `records.py`.

    @given(st.data())
    def test_...(data):
        history = data.draw(histories())            # CloudEvents as dicts, copies among them
        batches = data.draw(arrivals(history))      # the same as record bytes, shuffled, in batches
        as_of = data.draw(moments_about(history))
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st
from oracle import CONTACT, ERASURE, INVITATION, REOPEN, SURVEY
from oracle_verdicts import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

CloudEvent: TypeAlias = dict[str, Any]

START = datetime(2026, 11, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
MICROSECOND = timedelta(microseconds=1)
BESIDE = (timedelta(0),) * 4 + (-MICROSECOND, MICROSECOND)
STEPS = (
    *(timedelta(0), timedelta(0), timedelta(0), timedelta(minutes=15), timedelta(hours=1)),
    *(timedelta(hours=24), timedelta(minutes=1), timedelta(days=2)),
)
SPANS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=24), WEEK, timedelta(days=28))
ZONES = (UTC, timezone(timedelta(hours=1)), timezone(-timedelta(hours=5, minutes=30)))

# U+FB00 is before U+1D11E in UTF-8 and in code points, and after it in UTF-16.
CUSTOMERS = ("c1", "C1", "ﬀ")
REASONS = (None, "billing", "delivery", "billing ")
CONTACT_IDS = ("k1", "k2", "K2", "ﬀ", "\U0001d11e")
IDS = ("e1", "e2", "E2", "ﬀ", "\U0001d11e", *(f"e{number}" for number in range(10, 30)))
SOURCES = ("crm", "ivr")
CHANNELS = ("phone", "email", "chat", "social", "in_person", "forum")
STAGES = (None, "awareness", "pre_purchase", "purchase", "post_purchase")
TYPES = (*(CONTACT,) * 8, *(SURVEY,) * 4, *(REOPEN,) * 3, *(INVITATION,) * 2, ERASURE)
# Twice what leaves a contact eligible for each thing that does not.
OUTCOMES = (None, "resolved", None, "resolved", "unresolved", "transferred", "escalated", "abandoned")
# No exact halves of a millisecond: there the contract lets a program choose.
SECONDS = (None, 0, 20, 20.0, 20.001, 19.999, 20.0004, 19.9996, 67.52, 0.001, 0.0004, 599.1234, 1e7)


@dataclass(frozen=True)
class Pool:
    """What the events of one history have in common: the less there is, the more they meet."""

    moments: Sequence[datetime]
    customers: Sequence[str] = CUSTOMERS
    reasons: Sequence[str | None] = REASONS
    contact_ids: Sequence[str] = CONTACT_IDS


EVERYTHING = Pool([START + week * WEEK + step for week in range(6) for step in STEPS])
_absent = st.sampled_from(("left out", None, "", "(none)"))


def maybe(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of the values, or None as often as all of them together."""
    return st.sampled_from(((None,) * len(values)) + tuple(values))


@st.composite
def histories(
    draw: st.DrawFn, min_size: int = 2, max_size: int = 40, *, conflicting: bool = False
) -> list[CloudEvent]:
    """Two to forty valid events, duplicates among them; `conflicting` lets duplicates differ in content."""
    grid = grid_moments(draw(st.integers(0, 5)), draw(st.sampled_from((STEPS, STEPS[:4], STEPS[:1]))))
    pool = Pool(
        moments=draw(st.lists(grid, min_size=1, max_size=8)),
        customers=CUSTOMERS[: draw(st.sampled_from((1, 1, 2, 3)))],
        reasons=draw(st.sampled_from((REASONS[:1], REASONS[1:2], REASONS[:2], REASONS))),
        contact_ids=CONTACT_IDS[: draw(st.integers(1, len(CONTACT_IDS)))],
    )
    size = draw(st.integers(min_size, max_size))
    drawn = draw(st.lists(events(pool), min_size=size, max_size=size))
    first: dict[tuple[object, ...], CloudEvent] = {}
    for event in drawn:
        first.setdefault((event["source"], event["id"], moment(event["time"])), event)
    kept = drawn if conflicting else list(first.values())
    copied = draw(st.lists(st.sampled_from(kept), max_size=4))
    return [*kept, *(draw(written_otherwise(event)) for event in copied)]


@st.composite
def arrivals(draw: st.DrawFn, history: Sequence[CloudEvent]) -> list[list[bytes]]:
    """The history's records in some order of arrival, cut into batches, none of them empty."""
    shuffled = draw(st.permutations(history))
    ascii_only = draw(st.booleans())
    values = [json.dumps(event, ensure_ascii=ascii_only).encode() for event in shuffled]
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(values) - 1)), max_size=5)))
    edges = [0, *cuts, len(values)]
    batches = [values[begin:end] for begin, end in pairwise(edges)]
    return [batch for batch in batches if batch]


@st.composite
def moments_about(draw: st.DrawFn, history: Sequence[CloudEvent], follow_up: timedelta = WEEK) -> datetime:
    """A moment at or beside an edge of some event: its own, of its windows, of its follow-up."""
    at: datetime | None = moment(draw(st.sampled_from([event["time"] for event in history])))
    assert at is not None
    window: timedelta = draw(st.sampled_from((timedelta(0), timedelta(0), *SPANS)))
    follow: timedelta = draw(st.sampled_from((timedelta(0), timedelta(0), follow_up, -follow_up)))
    beside: timedelta = draw(st.sampled_from(BESIDE))
    return at + window + follow + beside


@st.composite
def grid_moments(draw: st.DrawFn, weeks: int, steps: Sequence[timedelta]) -> datetime:
    """A moment between START and `weeks` weeks and two days later, on a coarse grid."""
    return START + draw(st.integers(0, weeks)) * WEEK + draw(st.sampled_from(steps))


@st.composite
def events(draw: st.DrawFn, pool: Pool = EVERYTHING) -> CloudEvent:
    """One valid event of any type, at one of the pool's moments or a microsecond beside it."""
    kind = draw(st.sampled_from(TYPES))
    at = draw(st.sampled_from(pool.moments)) + draw(st.sampled_from(BESIDE))
    data = {"customer_id": draw(st.sampled_from(pool.customers))}
    data |= draw(texts(kind, pool)) | draw(choices(kind)) | draw(answers(kind))
    return {
        "specversion": "1.0",
        "id": draw(st.sampled_from(IDS)),
        "source": draw(st.sampled_from(SOURCES)),
        "type": kind,
        "time": draw(written(at)),
        "data": data,
    }


@st.composite
def texts(draw: st.DrawFn, kind: str, pool: Pool) -> CloudEvent:
    """The text fields but `customer_id`; what is absent is left out, null, '' or '(none)'."""
    contact_id = st.sampled_from(pool.contact_ids)
    reason = st.sampled_from(pool.reasons)
    found = {
        # One survey in four speaks of no contact; what a survey leaves out is mostly left out.
        "contact_id": draw(contact_id) if kind in {CONTACT, REOPEN} or draw(st.integers(0, 3)) else None,
        "reason": draw(reason) if kind == CONTACT or draw(st.integers(0, 3)) == 3 else None,
        "agent_id": draw(maybe(("a1", "a2"))),
        "team": draw(maybe(("t1", "t2"))),
        "segment": draw(maybe(("family", "(None)"))),
    }
    if kind == SURVEY:
        found["comment"] = draw(maybe(("fine", "naïve \U0001f600\n")))
    absent = {name: draw(_absent) for name, value in found.items() if value is None}
    return {name: value for name, value in (found | absent).items() if value != "left out"}


@st.composite
def choices(draw: st.DrawFn, kind: str) -> CloudEvent:
    found: CloudEvent = {"stage": draw(st.sampled_from(STAGES))}
    if kind in {CONTACT, SURVEY, INVITATION}:
        found["channel"] = draw(st.sampled_from(CHANNELS[: draw(st.sampled_from((1, 2, 6)))]))
    if kind == CONTACT:
        found["direction"] = draw(st.sampled_from((None, "inbound", "inbound", "outbound")))
        found["handled_by"] = draw(st.sampled_from((None, "human", "bot", "self_service")))
        found["outcome"] = draw(st.sampled_from(OUTCOMES))
    keep_nulls = draw(st.booleans())
    return {name: value for name, value in found.items() if keep_nulls or value is not None}


@st.composite
def answers(draw: st.DrawFn, kind: str) -> CloudEvent:
    """The numbers and judgements: seconds of a contact, at least one answer of a survey."""
    if kind == CONTACT:
        found = {name: draw(st.sampled_from(SECONDS)) for name in ("wait_s", "handle_s")}
    elif kind == SURVEY:
        found = {
            "csat": draw(maybe((5, 4, 3, 1, 4.0))),
            "effort": draw(maybe((7, 5, 4, 1, 5.0))),
            "nps": draw(maybe((10, 9, 8, 7, 6, 0))),
            "friendliness": draw(maybe((5, 4, 3, 1))),
            "resolved": draw(maybe((True, False))),
        }
        if all(value is None for value in found.values()):
            found["csat"] = draw(st.integers(1, 5))
    else:
        found = {}
    keep_nulls = draw(st.booleans())
    return {name: value for name, value in found.items() if keep_nulls or value is not None}


@st.composite
def written(draw: st.DrawFn, at: datetime) -> str:
    """One of the ways to write an instant in RFC 3339: zones, cases, digits past the sixth."""
    text = at.astimezone(draw(st.sampled_from(ZONES))).isoformat(timespec="microseconds")
    moment_part, zone = text[:26], text[26:]
    zone = draw(st.sampled_from(("Z", "z", "-00:00"))) if zone == "+00:00" else zone
    moment_part += draw(st.sampled_from(("", "", "", "9")))
    if moment_part.endswith(".000000"):
        moment_part = draw(st.sampled_from((moment_part, moment_part.removesuffix(".000000"))))
    return draw(st.sampled_from((moment_part, moment_part.replace("T", "t")))) + zone


@st.composite
def written_otherwise(draw: st.DrawFn, event: CloudEvent) -> CloudEvent:
    """A duplicate of the event: the same content, its instant perhaps written in another way."""
    at = moment(event["time"])
    assert at is not None
    return {**event, "time": draw(written(at))}
