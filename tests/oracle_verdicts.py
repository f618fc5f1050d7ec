"""The judge of single records: contract section 1 in plain Python, slow and obvious.

Every rule is asked of every record and the first complaint in the contract's order is the verdict.
Numbers are judged as the exact decimal that was written, never as the float nearest to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from oracle_events import CONTACT, ERASURE, INVITATION, REOPEN, SURVEY, Event
from oracle_json import Json, NotJsonError, Number, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES = (CONTACT, SURVEY, INVITATION, REOPEN, ERASURE)
LARGEST = 64 * 1024
AHEAD_US = 5 * 60 * 1_000_000
MILLISECOND = Decimal("0.001")

COMMON_TEXTS = {
    "customer_id": 128,
    "contact_id": 128,
    "reason": 100,
    "agent_id": 100,
    "team": 100,
    "segment": 100,
}
COMMON_CHOICES = {
    "channel": ("phone", "email", "chat", "social", "in_person", "forum"),
    "stage": ("awareness", "pre_purchase", "purchase", "post_purchase"),
}
TEXTS = dict.fromkeys(TYPES, COMMON_TEXTS) | {SURVEY: {**COMMON_TEXTS, "comment": 4000}}
CHOICES: dict[str, dict[str, tuple[str, ...]]] = {kind: dict(COMMON_CHOICES) for kind in TYPES}
CHOICES[CONTACT] |= {
    "direction": ("inbound", "outbound"),
    "handled_by": ("human", "bot", "self_service"),
    "outcome": ("resolved", "unresolved", "transferred", "escalated", "abandoned"),
}
SECONDS: dict[str, tuple[str, ...]] = dict.fromkeys(TYPES, ()) | {CONTACT: ("wait_s", "handle_s")}
INTEGERS: dict[str, dict[str, tuple[int, int]]] = {kind: {} for kind in TYPES}
INTEGERS[SURVEY] = {"csat": (1, 5), "effort": (1, 7), "nps": (0, 10), "friendliness": (1, 5)}
BOOLEANS: dict[str, tuple[str, ...]] = dict.fromkeys(TYPES, ()) | {SURVEY: ("resolved",)}
REQUIRED = {
    CONTACT: ("customer_id", "contact_id", "channel"),
    SURVEY: ("customer_id", "channel"),
    INVITATION: ("customer_id", "channel"),
    REOPEN: ("customer_id", "contact_id"),
    ERASURE: ("customer_id",),
}
ANSWERS = ("csat", "effort", "nps", "friendliness", "resolved")

# What is wrong with a field, in the order in which the contract lets one complaint hide another.
FIELD_REASONS = ("missing_field", "wrong_type", "out_of_range", "unknown_value", "empty_survey")


@dataclass(frozen=True)
class Verdict:
    """What becomes of one record: accepted with an event, rejected with a reason, or a tombstone.

    `seconds` holds, for `wait_s` and `handle_s`, every value that may be stored: two at an exact half.
    """

    kind: str
    reason: str | None = None
    event: Event | None = None
    seconds: Mapping[str, frozenset[Decimal]] = field(default_factory=dict)

    def allows(self, event: Event) -> bool:
        """Whether `event` is a right reading of the record."""
        if self.event is None:
            return False
        same_seconds = {name: getattr(self.event, name) for name in self.seconds}
        near = all(getattr(event, name) in allowed for name, allowed in self.seconds.items())
        return near and replace(event, **same_seconds) == self.event


class Rejected(Exception):  # noqa: N818  # a verdict on the record, not a fault of the judge
    """Carries the reason out of the step that found it."""


def verdict(value: bytes | None, kafka_timestamp_ms: int | None) -> Verdict:
    """The contract's verdict on one record; without a Kafka timestamp no time is in the future."""
    if value is None:
        return Verdict("tombstone")
    try:
        return _accepted(_object(value), kafka_timestamp_ms)
    except Rejected as rejected:
        return Verdict("rejected", reason=str(rejected))


def _object(value: bytes) -> dict[str, Json]:
    if len(value) > LARGEST:
        raise Rejected("too_large")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected("not_utf8") from error
    try:
        whole = read_json(text)
    except NotJsonError as error:
        raise Rejected("not_json") from error
    if not isinstance(whole, dict):
        raise Rejected("not_an_object")
    return whole


def _accepted(envelope: Mapping[str, Json], kafka_timestamp_ms: int | None) -> Verdict:
    kind, time, data = envelope.get("type"), envelope.get("time"), envelope.get("data")
    if not isinstance(kind, str) or not isinstance(time, str) or not isinstance(data, dict):
        raise Rejected("bad_envelope")
    if envelope.get("specversion") != "1.0":
        raise Rejected("bad_envelope")
    source, name = _name(envelope.get("source")), _name(envelope.get("id"))
    if kind not in TYPES:
        raise Rejected("unknown_type")
    occurred_at = moment(time)
    if occurred_at is None:
        raise Rejected("bad_time")
    if kafka_timestamp_ms is not None and _us(occurred_at) > kafka_timestamp_ms * 1000 + AHEAD_US:
        raise Rejected("time_in_future")
    complaints = field_complaints(kind, data)
    for reason in FIELD_REASONS:
        if reason in complaints:
            raise Rejected(reason)
    values, seconds = _values(kind, data)
    event = Event(source=source, id=name, type=kind, occurred_at=occurred_at, **values)
    return Verdict("accepted", event=event, seconds=seconds)


def _name(value: Json) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 256:
        raise Rejected("bad_envelope")
    return value


# --- time ---------------------------------------------------------------------------------------------

_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_CYCLE = timedelta(days=146_097)  # 400 Gregorian years: the calendar repeats
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def moment(text: str) -> datetime | None:
    """The instant in UTC that an RFC 3339 text names, digits past the sixth cut off; None for none.

    >>> moment("2026-11-21t10:00:00.1234569+01:00")
    datetime.datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=datetime.timezone.utc)
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, ahead_h, ahead_m = found.groups()[6:]
    if year == 0 or int(ahead_h or 0) > 23 or int(ahead_m or 0) > 59:
        return None
    try:
        # The same day in 2000..2399, so that an edge of 9999 can be reckoned with.
        alike = datetime(2000 + year % 400, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    ahead = timedelta(hours=int(ahead_h or 0), minutes=int(ahead_m or 0))
    since_epoch = (
        (alike - _EPOCH)
        + (year // 400 - 5) * _CYCLE
        + timedelta(microseconds=int(((fraction or "") + "000000")[:6]))
        + (ahead if sign == "-" else -ahead)
    )
    if not _FIRST - _EPOCH <= since_epoch <= _LAST - _EPOCH:
        return None
    return _EPOCH + since_epoch


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


# --- the fields of data -------------------------------------------------------------------------------


def field_complaints(kind: str, data: Mapping[str, Json]) -> set[str]:
    """Every complaint about the fields that belong to the type; fields of other types are not looked at."""
    complaints: set[str | None] = set()
    for name in (*TEXTS[kind], *CHOICES[kind], *SECONDS[kind], *INTEGERS[kind], *BOOLEANS[kind]):
        if not _is_absent(kind, name, data):
            complaints.add(_complaint(kind, name, data[name]))
    if any(_is_absent(kind, name, data) for name in REQUIRED[kind]):
        complaints.add("missing_field")
    if kind == SURVEY and all(_is_absent(kind, name, data) for name in ANSWERS):
        complaints.add("empty_survey")
    return {complaint for complaint in complaints if complaint}


def _complaint(kind: str, name: str, value: Json) -> str | None:
    if name in TEXTS[kind]:
        return _about_text(value, TEXTS[kind][name])
    if name in CHOICES[kind]:
        return _about_choice(value, CHOICES[kind][name])
    if name in SECONDS[kind]:
        return _about_number(value, 0, 10**7)
    if name in INTEGERS[kind]:
        return _about_integer(value, *INTEGERS[kind][name])
    return None if isinstance(value, bool) else "wrong_type"


def _is_absent(kind: str, name: str, data: Mapping[str, Json]) -> bool:
    """Null is absent everywhere; in a text field, and only there, '' and '(none)' are too."""
    value = data.get(name)
    return value is None or (name in TEXTS[kind] and value in ("", "(none)"))


def _about_text(value: Json, longest: int) -> str | None:
    if not isinstance(value, str):
        return "wrong_type"
    return "out_of_range" if len(value) > longest else None


def _about_choice(value: Json, choices: tuple[str, ...]) -> str | None:
    if not isinstance(value, str):
        return "wrong_type"
    return None if value in choices else "unknown_value"


def _about_number(value: Json, least: int, most: int) -> str | None:
    if not isinstance(value, Number):
        return "wrong_type"
    return None if least <= exact(value) <= most else "out_of_range"


def _about_integer(value: Json, least: int, most: int) -> str | None:
    if isinstance(value, Number) and exact(value) != exact(value).to_integral_value():
        return "wrong_type"
    return _about_number(value, least, most)


def exact(number: Number) -> Decimal:
    """The number as written; an exponent past a million is brought back to it, which no range notices."""
    digits, _, exponent = number.text.lower().partition("e")
    size = exponent.lstrip("+-").lstrip("0") or "0"
    size = size if len(size) < 7 else "1000000"
    return Decimal(f"{digits}e{'-' if exponent.startswith('-') else ''}{size}")


def milliseconds(value: Decimal) -> frozenset[Decimal]:
    """The nearest thousandths: one, or both neighbours where a double cannot tell it from an exact half.

    >>> sorted(milliseconds(Decimal("2.0005")))
    [Decimal('2.000'), Decimal('2.001')]
    """
    value = value.copy_abs()  # -0 is 0
    below = value.quantize(MILLISECOND, ROUND_FLOOR)
    half = below + MILLISECOND / 2
    if float(value) == float(half):
        return frozenset({below, below + MILLISECOND})
    return frozenset({below if value < half else below + MILLISECOND})


def _values(kind: str, data: Mapping[str, Json]) -> tuple[dict[str, Any], dict[str, frozenset[Decimal]]]:
    """The event's fields, all found right, and for the seconds every value that may be stored."""
    plain = (*TEXTS[kind], *CHOICES[kind], *BOOLEANS[kind])
    values: dict[str, Any] = {name: data[name] for name in plain if not _is_absent(kind, name, data)}
    if kind == CONTACT:
        values = {"direction": "inbound", "handled_by": "human"} | values
    numbers = {name: exact(value) for name, value in data.items() if isinstance(value, Number)}
    values |= {name: int(numbers[name]) for name in INTEGERS[kind] if name in numbers}
    seconds = {name: milliseconds(numbers[name]) for name in SECONDS[kind] if name in numbers}
    return values | {name: min(allowed) for name, allowed in seconds.items()}, seconds
