"""A moment as RFC 3339 writes it, and as a whole number of microseconds."""

import re
from datetime import date

_SHAPE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"[Tt]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_SECOND = (date.min.toordinal() - _EPOCH_DAY) * 86_400
_END_SECOND = (date.max.toordinal() + 1 - _EPOCH_DAY) * 86_400
FIRST_US, LAST_US = _FIRST_SECOND * 1_000_000, _END_SECOND * 1_000_000 - 1
"""The first and the last moment that an event can have."""


def instant(text: str) -> int | None:
    """Microseconds from 1970-01-01T00:00:00Z, or None where `text` is no RFC 3339 time with an offset.

    Digits past the sixth are cut off. Not a time either: second 60, a day the calendar lacks, and
    what falls outside the years 0001 to 9999 of UTC (or is written with year 0000), because neither
    Python nor every reader of the database can hold it.

    >>> instant("1970-01-01T01:00:00.0000019+01:00")
    1
    >>> instant("2026-02-29T10:00:00Z") is None
    True
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    seconds = ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    if sign:
        offset = (int(offset_hour) * 60 + int(offset_minute)) * 60
        seconds += offset if sign == "-" else -offset
    if not _FIRST_SECOND <= seconds < _END_SECOND:
        return None
    return seconds * 1_000_000 + (int(fraction[:6].ljust(6, "0")) if fraction else 0)
