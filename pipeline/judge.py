"""One record against the contract, rule by rule: what it says, or the first reason against it.

The exact path, and the slow one: the set-wise decoder takes the plain majority of records and asks
`judge` about the rest, so that every doubtful byte is settled here. Which fields there are, and their
limits, stands in pipeline/fields.py; the rules below are in the order of the reasons.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple, NoReturn

from pipeline import strict_json
from pipeline.fields import (
    ABSENT_TEXTS,
    ANSWERS,
    FIELDS,
    FUTURE_TOLERANCE_MS,
    MAX_IDENTITY_LENGTH,
    MAX_RECORD_BYTES,
    REASONS,
    SURVEY,
    TYPES,
    Field,
    Reason,
)
from pipeline.rfc3339 import instant
from pipeline.strict_json import Number


class Touchpoint(NamedTuple):
    """An accepted event. None: absent, or not a field of this type.

    `occurred_at_us`: microseconds from 1970-01-01T00:00:00Z. `wait_ms`, `handle_ms`: milliseconds.
    """

    source: str
    id: str
    type: str
    occurred_at_us: int
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
    wait_ms: int | None = None
    handle_ms: int | None = None
    csat: int | None = None
    effort: int | None = None
    nps: int | None = None
    friendliness: int | None = None
    resolved: bool | None = None
    comment: str | None = None


class Verdict(NamedTuple):
    """Why a record is rejected; `detail` is one short line that names the field and what stood there."""

    reason: Reason
    detail: str


def judge(value: bytes, timestamp_ms: int | None) -> Touchpoint | Verdict:
    """Give the touchpoint that `value` says, or the first reason of the contract's list against it.

    `timestamp_ms`: the record's Kafka timestamp, milliseconds since 1970; None where the source has
    none, and then no event is too far in the future. Of two equal keys the last counts.

    >>> judge(b"[]", None)
    Verdict(reason='not_an_object', detail='the event is an array, not an object')
    """
    try:
        event = _object(_text(value))
        _check_envelope(event)
        kind: str = event["type"]
        if kind not in TYPES:
            _refuse("unknown_type", f"type: {_shown(kind)} is none of {', '.join(TYPES)}")
        occurred_at_us = _moment(event["time"], timestamp_ms)
        fields = _fields(kind, event["data"])
    except _RefusedError as refused:
        return refused.verdict
    return Touchpoint(event["source"], event["id"], kind, occurred_at_us, **fields)


class _RefusedError(Exception):
    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


def _refuse(reason: Reason, detail: str) -> NoReturn:
    raise _RefusedError(Verdict(reason, detail))


def _text(value: bytes) -> str:
    if len(value) > MAX_RECORD_BYTES:
        _refuse("too_large", f"{len(value)} bytes, more than {MAX_RECORD_BYTES}")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        _refuse("not_utf8", f"{error.reason}: byte 0x{value[error.start]:02x} at position {error.start}")


def _object(text: str) -> dict[str, Any]:
    try:
        event = strict_json.read(text)
    except strict_json.NotJSONError as error:
        _refuse("not_json", str(error))
    if not isinstance(event, dict):
        _refuse("not_an_object", f"the event is {_shown(event)}, not an object")
    return event


def _check_envelope(event: dict[str, Any]) -> None:
    if event.get("specversion") != "1.0" or type(event["specversion"]) is not str:
        _refuse("bad_envelope", f'specversion: {_shown(event.get("specversion"))} is not "1.0"')
    for name in ("id", "source", "type", "time"):
        if type(event.get(name)) is not str:
            _refuse("bad_envelope", f"{name}: {_shown(event.get(name))} is not a string")
    for name in ("id", "source"):
        if not 1 <= len(event[name]) <= MAX_IDENTITY_LENGTH:
            _refuse("bad_envelope", f"{name}: {len(event[name])} characters, not 1 to {MAX_IDENTITY_LENGTH}")
    if not isinstance(event.get("data"), dict):
        _refuse("bad_envelope", f"data: {_shown(event.get('data'))} is not an object")


def _moment(time: str, timestamp_ms: int | None) -> int:
    occurred_at_us = instant(time)
    if occurred_at_us is None:
        _refuse("bad_time", f"time: {_shown(time)} is no RFC 3339 time with an offset")
    if timestamp_ms is not None and occurred_at_us > (timestamp_ms + FUTURE_TOLERANCE_MS) * 1000:
        _refuse("time_in_future", f"time: {_shown(time)} is over 5 minutes after the record's timestamp")
    return occurred_at_us


def _fields(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    verdicts: list[Verdict] = []
    for name, column, absent, required, read, field in _RULES[kind]:
        value = data.get(name)
        if value in absent:
            fields[column] = field.default
            if required:
                verdicts.append(Verdict("missing_field", f"data.{name}: {kind} requires it"))
            continue
        try:
            fields[column] = read(field, value)
        except _RefusedError as refused:
            verdicts.append(refused.verdict)
    if verdicts:
        raise _RefusedError(min(verdicts, key=_rank))
    if kind == SURVEY and all(fields[name] is None for name in ANSWERS):
        _refuse("empty_survey", f"data: none of {', '.join(ANSWERS)}")
    return fields


def _rank(verdict: Verdict) -> int:
    return REASONS.index(verdict.reason)


def _string(field: Field, value: object) -> str:
    if type(value) is not str:
        _refuse("wrong_type", f"data.{field.name}: {_shown(value)} is not a string")
    if not field.low <= len(value) <= field.high:
        limits = f"{field.low} to {field.high}"
        _refuse("out_of_range", f"data.{field.name}: {len(value)} characters, not {limits}")
    return value


def _choice(field: Field, value: object) -> str:
    if type(value) is not str:
        _refuse("wrong_type", f"data.{field.name}: {_shown(value)} is not a string")
    if value not in field.choices:
        _refuse("unknown_value", f"data.{field.name}: {_shown(value)} is none of {', '.join(field.choices)}")
    return value


def _integer(field: Field, value: object) -> int:
    if not isinstance(value, Number) or (number := strict_json.exact(value)) != number.to_integral_value():
        _refuse("wrong_type", f"data.{field.name}: {_shown(value)} is not an integer")
    _check_range(field, number, value)
    return int(number)


_MILLISECOND = Decimal("0.001")
_ROUNDING = Context(prec=20, rounding=ROUND_HALF_EVEN)  # our own: a caller's context must not count


def _milliseconds(field: Field, value: object) -> int:
    if not isinstance(value, Number):
        _refuse("wrong_type", f"data.{field.name}: {_shown(value)} is not a number")
    seconds = strict_json.exact(value)
    _check_range(field, seconds, value)
    return int(seconds.quantize(_MILLISECOND, context=_ROUNDING).scaleb(3, _ROUNDING))


def _boolean(field: Field, value: object) -> bool:
    if not isinstance(value, bool):
        _refuse("wrong_type", f"data.{field.name}: {_shown(value)} is not a boolean")
    return value


def _check_range(field: Field, number: Decimal, written: Number) -> None:
    if not field.low <= number <= field.high:
        limits = f"{field.low} to {field.high}"
        _refuse("out_of_range", f"data.{field.name}: {_shown(written)} is not within {limits}")


_READERS: dict[str, Callable[[Field, object], object]] = {
    "text": _string,
    "choice": _choice,
    "integer": _integer,
    "seconds": _milliseconds,
    "boolean": _boolean,
}
_COLUMNS = {"wait_s": "wait_ms", "handle_s": "handle_ms"}
_ABSENT = {"text": (None, *ABSENT_TEXTS)}
_RULES = {
    kind: tuple(
        (
            field.name,
            _COLUMNS.get(field.name, field.name),
            _ABSENT.get(field.kind, (None,)),
            kind in field.required_by,
            _READERS[field.kind],
            field,
        )
        for field in FIELDS
        if kind in field.read_by
    )
    for kind in TYPES
}
"""Per type, what `_fields` asks of each field: looked up once, because judging is the slow path already."""


_SHOWN = 40


def _shown(value: object) -> str:
    r"""Show what stood there, in a few characters and without line breaks.

    >>> print(_shown("two\nlines"), _shown(Number("4.5")), _shown(True), _shown({}))
    'two\nlines' 4.5 true an object
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case Number():
            return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
        case str():
            return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
        case dict():
            return "an object"
        case _:
            return "an array"
