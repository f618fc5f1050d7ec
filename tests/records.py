"""Hypothesis strategies: single records as bytes, about half of them valid, the rest broken in every way.

A record begins as a valid event of `histories.py`. Fields are then given odd values, fitting and unfitting,
and at last the bytes are spoilt. What nobody can hold a program to is left out: equal names in one object,
and numbers that only more digits than a double's tell from an integer, from zero or from a limit.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from histories import START, CloudEvent, events
from hypothesis import strategies as st
from oracle import CONTACT, SURVEY
from oracle_verdicts import COMMON_TEXTS, LARGEST, REQUIRED, TYPES, verdict
from record_values import (
    BAD_ENVELOPE,
    BAD_TIMES,
    CHOICES,
    GOOD_NAMES,
    GOOD_TIMES,
    INTEGERS,
    LEFT_OUT,
    NO_VALUES,
    NOT_JSON,
    NOT_OBJECTS,
    NOT_TEXT,
    STRANGE_BUT_JSON,
    TEXTS,
    TRAILING,
    UNKNOWN_NAMES,
    UNKNOWN_TYPES,
    VERY_DEEP,
    Raw,
    absent_values,
    bad_values,
    good_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# --- the mutations ------------------------------------------------------------------------------------


def fields_of(kind: str) -> list[str]:
    """The fields of `data` that the contract reads in events of the type."""
    own = {
        CONTACT: ["direction", "handled_by", "outcome", "wait_s", "handle_s"],
        SURVEY: [*INTEGERS, "resolved", "comment"],
    }
    return [*COMMON_TEXTS, "channel", "stage", *own.get(kind, [])]


def harmless(event: CloudEvent) -> st.SearchStrategy[CloudEvent]:
    """The event with one thing odd that no rule forbids."""
    own = fields_of(event["type"])
    fitting = {name: good_values(name) for name in own}
    spared = {*REQUIRED[event["type"]], *INTEGERS, "resolved"}
    foreign = {*TEXTS, *CHOICES, *INTEGERS, "wait_s", "handle_s", "resolved"} - {*own}
    return st.one_of(
        in_data(event, fitting),
        in_data(event, {name: absent_values(name) for name in own if name not in spared}),
        in_data(event, {name: bad_values(name) for name in sorted(foreign)}),
        in_envelope(event, {"time": GOOD_TIMES, "id": GOOD_NAMES, "source": GOOD_NAMES}),
        in_data(event, dict.fromkeys(UNKNOWN_NAMES, STRANGE_BUT_JSON)),
        in_envelope(event, dict.fromkeys(UNKNOWN_NAMES, STRANGE_BUT_JSON)),
    )


@st.composite
def harmful(draw: st.DrawFn, event: CloudEvent) -> CloudEvent:
    """The event with one rule broken, most often with one field of its data unfitting."""
    unanswered = {**event, "data": {**event["data"], **dict.fromkeys((*INTEGERS, "resolved"))}}
    required = {name: absent_values(name) for name in REQUIRED[event["type"]]}
    match draw(st.sampled_from(("value", "value", "value", "absent", "envelope"))):
        case "value":
            values = {name: bad_values(name) for name in fields_of(event["type"])}
            return draw(in_data(event, values))
        case "absent" if event["type"] == SURVEY and draw(st.booleans()):
            return unanswered
        case "absent":
            return draw(in_data(event, required))
        case _:
            return draw(bad_envelopes(event))


def bad_envelopes(event: CloudEvent) -> st.SearchStrategy[CloudEvent]:
    """The event with an attribute broken, or with something in it that is no JSON."""
    return st.one_of(
        in_envelope(event, {"time": BAD_TIMES}),
        in_envelope(event, {"type": UNKNOWN_TYPES}),
        in_envelope(event, BAD_ENVELOPE),
        in_data(event, dict.fromkeys(UNKNOWN_NAMES, NOT_JSON)),
        in_envelope(event, dict.fromkeys(UNKNOWN_NAMES, NOT_JSON)),
    )


@st.composite
def in_data(draw: st.DrawFn, event: CloudEvent, values: Mapping[str, Sequence[Any]]) -> CloudEvent:
    """The event with one field of its data replaced: a name and then a value out of `values`."""
    name = draw(st.sampled_from(tuple(values)))
    return {**event, "data": {**event["data"], name: draw(st.sampled_from(values[name]))}}


@st.composite
def in_envelope(draw: st.DrawFn, event: CloudEvent, values: Mapping[str, Sequence[Any]]) -> CloudEvent:
    """The event with one attribute replaced: a name and then a value out of `values`."""
    name = draw(st.sampled_from(tuple(values)))
    return {**event, name: draw(st.sampled_from(values[name]))}


@st.composite
def sound_or_broken(draw: st.DrawFn, event: CloudEvent) -> CloudEvent:
    """The event with up to two harmless oddities, and in two of five cases one or two rules broken."""
    for _ in range(draw(st.sampled_from((1, 0, 2)))):
        event = draw(harmless(event))
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        if event["type"] in TYPES and isinstance(event.get("data"), dict):
            event = draw(harmful(event))
    if draw(st.integers(0, 99)) == 50:
        event = draw(in_envelope(event, {"x": VERY_DEEP}))
    return event


# --- the bytes ----------------------------------------------------------------------------------------


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """The value of one record: about half are valid events."""
    value = as_json(draw(sound_or_broken(draw(events()))), ascii_only=draw(st.booleans())).encode()
    return draw(spoilt(value)) if draw(st.integers(0, 3)) == 3 else value


def spoilt(value: bytes) -> st.SearchStrategy[bytes]:
    """The record's bytes with something done to them, or quite other bytes; the first two ways are lawful."""
    return st.one_of(
        st.just(b" \r\n\t" + value + b"\n"),
        st.just(value + b" " * (LARGEST - len(value))),
        st.just(value + b" " * (LARGEST + 1 - len(value))),
        st.tuples(st.integers(0, len(value)), st.sampled_from(NOT_TEXT)).map(
            lambda put: value[: put[0]] + put[1] + value[put[0] :]
        ),
        st.integers(0, len(value) - 1).map(lambda end: value[:end]),
        st.sampled_from(TRAILING).map(lambda end: value + end),
        st.sampled_from(NOT_OBJECTS).map(str.encode),
        st.sampled_from(NO_VALUES),
        st.just(b"\xef\xbb\xbf" + value),
    )


# Kafka's timestamp less the event's time, in ms; None stands for no timestamp.
LATE = (None, None, 0, 0, -60_000, 5_000_000, -240_000, -299_999, -300_000, -300_001)
LATE_OR_LONG_AGO = (None, 50 * 86_400_000, 60_000, -(10**12))


@st.composite
def stamped_records(draw: st.DrawFn) -> tuple[bytes | None, int | None]:
    """A record's value, now and then a tombstone, and its Kafka timestamp in ms, often just 5 minutes off."""
    if draw(st.integers(0, 19)) == 19:
        return None, None
    value = draw(records())
    event = verdict(value, None).event
    at = event.occurred_at if event else START
    stamp = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    late = draw(st.sampled_from(LATE if event else LATE_OR_LONG_AGO))
    return value, None if late is None else stamp + late


def as_json(value: object, *, ascii_only: bool) -> str:
    """The value as JSON, save for the raw pieces in it.

    >>> as_json({"a": [Raw("4.0"), None], "b": LEFT_OUT}, ascii_only=True)
    '{"a": [4.0, null]}'
    """
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, list):
        return "[" + ", ".join(as_json(item, ascii_only=ascii_only) for item in value) + "]"
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if item != LEFT_OUT}
        return "{" + ", ".join(_member(name, item, ascii_only) for name, item in kept.items()) + "}"
    return json.dumps(value, ensure_ascii=ascii_only)


def _member(name: str, value: object, ascii_only: bool) -> str:
    return f"{json.dumps(name, ensure_ascii=ascii_only)}: {as_json(value, ascii_only=ascii_only)}"
