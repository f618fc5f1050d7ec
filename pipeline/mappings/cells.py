"""A cell becomes the value of one field of an event: translated, converted, and within its limits."""

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from pipeline.exports.row import Cell, CellError, cell_text
from pipeline.fields import ABSENT_TEXTS, MAX_SECONDS, Field

Value = str | int | float | bool

NUMBER_UNITS = {
    "seconds": Decimal(1),
    "milliseconds": Decimal("0.001"),
    "minutes": Decimal(60),
    "hours": Decimal(3600),
}
CLOCK_UNITS = {
    "h:mm:ss": re.compile(r"(?P<h>\d+):(?P<m>[0-5]\d):(?P<s>[0-5]\d(\.\d+)?)", re.ASCII),
    "h:mm": re.compile(r"(?P<h>\d+):(?P<m>[0-5]\d)", re.ASCII),
    "m:ss": re.compile(r"(?P<m>\d+):(?P<s>[0-5]\d(\.\d+)?)", re.ASCII),
}
UNITS = (*NUMBER_UNITS, *CLOCK_UNITS)

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_WHOLE = re.compile(r"(-?\d+)(\.0+)?", re.ASCII)
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_MILLISECOND = Decimal("0.001")


def convert(field: Field, cell: Cell, unit: str = "seconds", cut: int | None = None) -> Value | None:
    """Turn a filled cell into the value of `field`; None where it means absent.

    `unit` is what a duration is written in; `cut` shortens a text to so many characters. Raises
    CellError where the contract would reject the value.

    >>> from pipeline.fields import FIELDS
    >>> fields = {field.name: field for field in FIELDS}
    >>> convert(fields["wait_s"], "0:02:23", unit="h:mm:ss"), convert(fields["csat"], "3.0")
    (143, 3)
    """
    match field.kind:
        case "seconds":
            return _seconds(cell, unit)
        case "integer":
            return _integer(field, cell_text(cell))
        case "boolean":
            return _boolean(cell_text(cell))
        case "choice":
            return _choice(field, cell_text(cell))
        case "text":
            return _text(field, cell_text(cell), cut)


def check_length(text: str, low: int, high: int) -> str:
    """Return the text if the contract can carry it: `low` to `high` characters, all of them Unicode."""
    if _UNWRITABLE.search(text):
        raise CellError(f"{_shown(text)} holds a character that JSON cannot carry (NUL or half a pair)")
    if not low <= len(text) <= high:
        raise CellError(f"{_shown(text)} has {len(text)} characters; {low} to {high} are allowed")
    return text


def _seconds(cell: Cell, unit: str) -> int | float:
    seconds = _length_of(cell, unit).quantize(_MILLISECOND, ROUND_HALF_EVEN)
    if not 0 <= seconds <= MAX_SECONDS:
        raise CellError(f"{_shown(cell)} is outside 0 to {MAX_SECONDS} seconds")
    return int(seconds) if seconds == seconds.to_integral_value() else float(seconds)


def _length_of(cell: Cell, unit: str) -> Decimal:
    match cell:
        case time():
            # A workbook shows a duration of less than a day as a time of day.
            length = timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second)
            return Decimal(int(length.total_seconds())) + Decimal(cell.microsecond) / 1_000_000
        case timedelta():
            return Decimal(cell // timedelta(microseconds=1)) / 1_000_000
        case datetime() | date():
            raise CellError(f"{cell} is a date where a duration is expected; format the column as [h]:mm:ss")
    return _clock(cell, unit) if unit in CLOCK_UNITS else _number(cell, unit) * NUMBER_UNITS[unit]


def _clock(text: str, unit: str) -> Decimal:
    match = CLOCK_UNITS[unit].fullmatch(text)
    if match is None:
        raise CellError(f"{_shown(text)} is no {unit}; name what it is written in with `unit:`")
    part = match.groupdict()
    hours, minutes, seconds = (Decimal(part.get(key) or 0) for key in "hms")
    return hours * 3600 + minutes * 60 + seconds


def _number(text: str, unit: str) -> Decimal:
    if not _NUMBER.fullmatch(text) or len(text) > _LONGEST_NUMBER:
        raise CellError(f"{_shown(text)} is no number of {unit}; name what it is written in with `unit:`")
    return Decimal(text)


_LONGEST_NUMBER = 24
"""Digits enough for every length allowed; more would only leave the room in which sums are exact."""


def _integer(field: Field, text: str) -> int:
    match = _WHOLE.fullmatch(text)
    if match is None or len(text) > _LONGEST_NUMBER:
        raise CellError(f"{_shown(text)} is no whole number")
    number = int(match[1])
    if not field.low <= number <= field.high:
        raise CellError(f"{_shown(text)} is outside {field.low} to {field.high}; translate it with `values:`")
    return number


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise CellError(f"{_shown(text)} is neither true nor false; translate it with `values:`")
    return text.lower() == "true"


def _choice(field: Field, text: str) -> str:
    if text not in field.choices:
        raise CellError(f"{_shown(text)} is none of {', '.join(field.choices)}; translate it with `values:`")
    return text


def _text(field: Field, text: str, cut: int | None) -> str | None:
    if text in ABSENT_TEXTS:
        return None
    try:
        return check_length(text[:cut], field.low, field.high)
    except CellError as error:
        shorten = len(text) > field.high and can_be_cut(field)
        raise CellError(f"{error}; `cut: {field.high}` shortens it" if shorten else str(error)) from error


def can_be_cut(field: Field) -> bool:
    """Whether a field may be shortened: a description may, an id may not (two could become one)."""
    return field.kind == "text" and not field.name.endswith("_id")


def _shown(cell: Cell) -> str:
    text = cell_text(cell)
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…")


_LONGEST_SHOWN = 60
