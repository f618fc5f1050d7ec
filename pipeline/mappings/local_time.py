"""A desk's written local time becomes an instant."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock_time
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pipeline.exports.row import Cell, CellError, cell_text
from pipeline.mappings.yaml_lines import Entry

AMBIGUOUS = ("stop", "earlier", "later")
Ambiguous = Literal["stop", "earlier", "later"]
NAMED_FORMATS = ("iso", "excel", "unix", "unix_ms")
"""Formats that are no strptime pattern."""

DIRECTIVES = "aAbBcdfGHIjmMpSuUVwWxXyYz%"
"""`%Z` is left out: Python reads a zone's name there and then forgets it."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_YEAR = re.compile(r"%[YyGcx]")
_EXCEL_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - a local time: the zone is added later
_EXCEL_FIRST_DAY = 61
"""Before 1 March 1900 a workbook counts a day that never was."""
_UNIX_0 = datetime(1970, 1, 1, tzinfo=UTC)


def check_zone(entry: Entry) -> tzinfo:
    """Find the zone of an IANA name such as Europe/Zurich."""
    name = entry.text()
    if name not in available_timezones():
        raise entry.failure(
            f"{name!r} is no IANA time zone; write one such as UTC, Europe/Zurich or America/New_York"
        )
    return ZoneInfo(name)


def check_format(entry: Entry) -> str:
    """Accept a named format or a strptime pattern that holds at least a year."""
    pattern = entry.text()
    if pattern in NAMED_FORMATS:
        return pattern
    for directive in re.findall(r"%(.?)", pattern):
        if not directive or directive not in DIRECTIVES:
            raise entry.failure(f"{'%' + directive!r} cannot be read; write one of %{' %'.join(DIRECTIVES)}")
    if not _YEAR.search(pattern):
        raise entry.failure(
            f"{pattern!r} names no year; write iso, excel, unix, unix_ms or a pattern with %Y"
        )
    return pattern


def read_moment(parts: list[Cell], formats: tuple[str, ...], zone: tzinfo, ambiguous: Ambiguous) -> datetime:
    """Read the instant, in UTC, that the cells of one row name together.

    A cell that is a real date (workbook, Parquet) is taken as it is; text is read by the first of
    `formats` that fits. Several cells are joined by a blank, real dates and times written as ISO.

    >>> read_moment(["31/01/2021", "09:12"], ("%d/%m/%Y %H:%M",), ZoneInfo("Europe/Zurich"), "stop")
    datetime.datetime(2021, 1, 31, 8, 12, tzinfo=datetime.timezone.utc)
    """
    try:
        return _to_instant(_read_local(parts, formats), zone, ambiguous)
    except OverflowError as error:
        raise CellError("is outside the years 1 to 9999") from error


def _read_local(parts: list[Cell], formats: tuple[str, ...]) -> datetime:
    match parts:
        case [datetime() as moment]:
            return moment
        case [date() as day]:
            return datetime.combine(day, clock_time())
        case [clock_time() | timedelta()]:
            raise CellError("is a time without a day; name the day's column too: `columns: [day, time]`")
    typed = any(not isinstance(part, str) for part in parts)
    text = " ".join(cell_text(part) for part in parts)
    for pattern in (*formats, "iso") if typed else formats:
        if (found := _parse(text, pattern)) is not None:
            return found
    raise CellError(f"{text!r} fits none of the formats {', '.join(formats)}; add its format to `time:`")


def _parse(text: str, pattern: str) -> datetime | None:
    if pattern in {"excel", "unix", "unix_ms"}:
        return _from_number(Decimal(text), pattern) if _NUMBER.fullmatch(text) else None
    try:
        return datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007
    except ValueError:
        return None


def _from_number(number: Decimal, pattern: str) -> datetime | None:
    if pattern == "excel":
        # To the millisecond: a fraction of a day in binary holds no more.
        whole = _milliseconds(number * 86_400_000)
        return _EXCEL_DAY_0 + whole if number >= _EXCEL_FIRST_DAY else None
    return _UNIX_0 + _milliseconds(number * (1000 if pattern == "unix" else 1))


def _milliseconds(number: Decimal) -> timedelta:
    return timedelta(milliseconds=int(number.to_integral_value()))


def _to_instant(moment: datetime, zone: tzinfo, ambiguous: Ambiguous) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    earlier = moment.replace(tzinfo=zone, fold=0)
    later = moment.replace(tzinfo=zone, fold=1)
    if earlier.utcoffset() == later.utcoffset():
        return earlier.astimezone(UTC)
    if earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise CellError(f"{moment} never was in {zone}: the clocks were put forward; check `zone:`")
    if ambiguous == "stop":
        raise CellError(
            f"{moment} was twice in {zone}: the clocks were put back; write `ambiguous: earlier` or `later`"
        )
    return (earlier if ambiguous == "earlier" else later).astimezone(UTC)
