"""Which records are plainly right: strict JSON whose every field has its type and limits.

One pass of msgspec per record (fields.py compiled into types) gives the event with the fields that its
type reads, and skips all others. What does not pass is not wrong yet: judge.py knows 4.0 for an integer,
and the reasons.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Union

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from pipeline import fields
from pipeline.fields import FIELDS, Field

_IDENTITY = Annotated[str, Meta(min_length=1, max_length=fields.MAX_IDENTITY_LENGTH)]
_NUL = rb"\u0000"
_MAX = fields.MAX_RECORD_BYTES
AT_A_TIME = 512
"""Records read, in less than a millisecond, before another thread may run Python."""


class PlainEvent(Protocol):
    """An event as msgspec reads it; `data` has an attribute per field that its type reads.

    `time` is still any text.
    """

    id: str
    source: str
    time: str
    data: Any


class PlainEvents(NamedTuple):
    """The plainly right events of one type, and their positions among the records."""

    numbers: npt.NDArray[np.int64]
    events: list[PlainEvent]


def plain_events(values: Sequence[bytes | None]) -> dict[str, PlainEvents]:
    """The records that are plainly right but for their time, by type; every type has an entry.

    >>> found = plain_events([b"[]", None])
    >>> len(found["touchpoint.survey.v1"].events)
    0
    """
    events = _read_each(
        [
            value
            if value is not None and len(value) <= _MAX and b"\\" not in value and value.isascii()
            else _if_strict(value)
            for value in values
        ]
    )
    codes = np.fromiter(map(_CODES.__getitem__, map(type, events)), np.int8, len(events))
    found = {}
    for code, kind in enumerate(_EVENT_TYPES.values()):
        numbers = np.flatnonzero(codes == code)
        found[kind] = PlainEvents(numbers, list(map(events.__getitem__, numbers.tolist())))
    return found


def _if_strict(value: bytes | None) -> bytes:
    """The record, or nothing where it breaks what msgspec overlooks in the texts that it does not keep."""
    if value is None or len(value) > _MAX or _NUL in value:
        return b""
    try:
        value.decode()
    except UnicodeDecodeError:
        return b""
    return value


def _read_each(values: Sequence[bytes]) -> list[Any]:
    """Each record's PlainEvent, or None; read by map, which costs half of what a loop does.

    No other thread runs Python meanwhile, neither the event loop nor what stores: hence some at a time.
    """
    rest = iter(values)
    events: list[Any] = []
    while len(events) < len(values):
        try:
            events.extend(map(_read, islice(rest, AT_A_TIME)))
        except (msgspec.DecodeError, RecursionError):
            events.append(None)  # those before it were taken
    return events


def _type_of(field: Field, *, required: bool) -> Any:
    """The field's type, with its limits, as msgspec checks it; '' is left to stand for an absent text."""
    if field.kind == "text":
        return Annotated[str, Meta(min_length=field.low if required else 0, max_length=field.high)]
    if field.kind == "choice":
        return Literal[field.choices]
    if field.kind == "integer":
        return Annotated[int, Meta(ge=field.low, le=field.high)]
    if field.kind == "seconds":
        return Annotated[float, Meta(ge=field.low, le=field.high)]
    return bool


def _event_type(kind: str) -> type[msgspec.Struct]:
    """An event of one type: the fields that it reads; others are skipped whatever they hold."""
    read = [field for field in FIELDS if kind in field.read_by]
    required = [(field.name, _type_of(field, required=True)) for field in read if kind in field.required_by]
    optional = [
        (field.name, _type_of(field, required=False) | None, None)
        for field in read
        if kind not in field.required_by
    ]
    data = msgspec.defstruct("Data", [*required, *optional], gc=False)
    envelope = [
        ("specversion", Literal["1.0"]),
        ("id", _IDENTITY),
        ("source", _IDENTITY),
        ("time", str),
        ("data", data),
    ]
    return msgspec.defstruct(
        "Event" + kind.split(".")[1].title(), envelope, gc=False, tag_field="type", tag=kind
    )


_EVENT_TYPES: dict[type[Any], str] = {_event_type(kind): kind for kind in fields.TYPES}
_read = msgspec.json.Decoder(Union[tuple(_EVENT_TYPES)]).decode  # noqa: UP007 - made from a tuple
_CODES = {**{event_type: code for code, event_type in enumerate(_EVENT_TYPES)}, type(None): -1}
