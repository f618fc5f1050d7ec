"""Moments as the page is told them."""

from datetime import UTC, datetime


def written(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, as `metrics` is written elsewhere.

    >>> written(datetime(2026, 11, 21, tzinfo=UTC))
    '2026-11-21T00:00:00Z'
    """
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
