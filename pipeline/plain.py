"""Which records are plainly right: strict JSON whose every field has its type and limits.

One pass of msgspec per record (0.7 us, fields.py compiled into types) settles what DuckDB's own parser
is lax about: NaN, trailing commas, numbers for texts. What does not pass is not wrong yet: judge.py
knows 4.0 for an integer, and the reasons.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta

from pipeline import fields
from pipeline.fields import FIELDS, Field

_IDENTITY = Annotated[str, Meta(min_length=1, max_length=fields.MAX_IDENTITY_LENGTH)]


def plain_numbers(values: Sequence[bytes | None]) -> list[int]:
    """The positions of the records that are plainly right."""
    numbers = []
    for n, value in enumerate(values):
        if value is None or len(value) > fields.MAX_RECORD_BYTES:
            continue
        try:
            if not value.isascii():
                value.decode()  # msgspec looks only at the texts that it keeps
            _check(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        numbers.append(n)
    return numbers


def _type_of(field: Field) -> Any:
    """The field's type, with its limits, as msgspec checks it."""
    if field.kind == "text":
        return Annotated[str, Meta(max_length=field.high)]
    if field.kind == "choice":
        return Literal[field.choices]
    if field.kind == "integer":
        return Annotated[int, Meta(ge=field.low, le=field.high)]
    if field.kind == "seconds":
        return Annotated[float, Meta(ge=field.low, le=field.high)]
    return bool


def _event_of(kind: str) -> type[msgspec.Struct]:
    """An event of one type: the fields that it reads; others are skipped whatever they hold."""
    read = [field for field in FIELDS if kind in field.read_by]
    required = [(field.name, _type_of(field)) for field in read if kind in field.required_by]
    optional = [(field.name, _type_of(field) | None, None) for field in read if kind not in field.required_by]
    data = msgspec.defstruct("Data", [*required, *optional], gc=False)
    envelope = [
        ("specversion", Literal["1.0"]),
        ("id", _IDENTITY),
        ("source", _IDENTITY),
        ("time", Annotated[datetime, Meta(tz=True)]),
        ("data", data),
    ]
    return msgspec.defstruct(
        "Event" + kind.split(".")[1].title(), envelope, gc=False, tag_field="type", tag=kind
    )


_check: Callable[[bytes], object] = msgspec.json.Decoder(
    Union[tuple(_event_of(kind) for kind in fields.TYPES)]  # noqa: UP007 - made from a tuple
).decode
