"""The fields of fields.py, as events.c reads them."""

from collections.abc import Sequence
from ctypes import Array

from pipeline import fields
from pipeline.fields import FIELDS, NAMED, TYPES
from pipeline.plain.structures import Field, Rules, Text
from pipeline.rfc3339 import FIRST_US, LAST_US

_KINDS = ("text", "choice", "integer", "seconds", "boolean")
"""As events.c numbers them."""


def rules() -> Rules:
    """All there is to know of events."""
    answers = sum(1 << at for at, field in enumerate(FIELDS) if field.name in fields.ANSWERS)
    return Rules(
        types=_texts(TYPES),
        absent_texts=_texts(fields.ABSENT_TEXTS),
        type_count=len(TYPES),
        absent_count=len(fields.ABSENT_TEXTS),
        longest_identity=fields.MAX_IDENTITY_LENGTH,
        names=_texts([field.name for field in FIELDS]),
        fields=(Field * len(FIELDS))(*map(_rule, FIELDS)),
        field_count=len(FIELDS),
        longest_record=fields.MAX_RECORD_BYTES,
        any_of=tuple(answers if kind == fields.SURVEY else 0 for kind in TYPES),
        first_us=FIRST_US,
        last_us=LAST_US,
    )


def _texts(texts: Sequence[str]) -> Array[Text]:
    return (Text * len(texts))(*(Text(text.encode(), len(text.encode()), len(text)) for text in texts))


def _types(types: Sequence[str]) -> int:
    return sum(1 << TYPES.index(each) for each in types)


def _rule(field: fields.Field) -> Field:
    return Field(
        kind=_KINDS.index(field.kind),
        is_named=field.name in NAMED,
        read_by=_types(field.read_by),
        required_by=_types(field.required_by),
        choice_count=len(field.choices),
        default_at=-1 if field.default is None else field.choices.index(field.default),
        low=field.low,
        high=field.high,
        choices=_texts(field.choices),
    )
