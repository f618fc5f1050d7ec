"""Durations and moments as people write them."""

import re
from datetime import UTC, datetime, timedelta

from pipeline.errors import InputError
from pipeline.rfc3339 import instant

SPANS = ("15m", "1h", "24h", "7d", "28d")
"""The spans of the current readings, from short to long."""

_SPAN = re.compile(r"([1-9][0-9]{0,6})([mhd])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def microseconds(span: str) -> int:
    """A span's length in microseconds; a day is 24 hours in every zone.

    >>> microseconds("15m"), microseconds("1d") == microseconds("24h")
    (900000000, True)
    """
    match = _SPAN.fullmatch(span)
    if match is None:
        raise InputError(f"'{span}' is no span: write a positive whole number and m, h or d (15m, 24h, 7d)")
    return int(match[1]) * _SECONDS[match[2]] * 1_000_000


def moment(text: str) -> datetime:
    """An RFC 3339 moment, in UTC.

    >>> moment("2026-11-21T10:00:00+01:00").isoformat()
    '2026-11-21T09:00:00+00:00'
    """
    us = instant(text)
    if us is None:
        raise InputError(f"'{text}' is no moment: write RFC 3339 with a zone, such as 2026-11-21T10:00:00Z")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
