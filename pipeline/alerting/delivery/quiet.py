"""Quiet hours: so many hours of somebody's day at which nothing is delivered."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.alerting.rules import QuietHours


def quiet_until(hours: QuietHours, now: datetime) -> datetime | None:
    """When the quiet hours that it is now in will end; None outside of them.

    An hour that the clocks repeat is quiet both times; an end that they skip comes when they have.

    >>> night = QuietHours(begin="22:00", end="07:00", zone="Europe/Berlin")
    >>> quiet_until(night, datetime(2026, 11, 21, 23, tzinfo=UTC)).isoformat()
    '2026-11-22T06:00:00+00:00'
    """
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    for day in (today - timedelta(days=1), today):
        over = timedelta(days=int(hours.end <= hours.begin))
        if min(_moments(day, hours.begin, hours.zone)) <= now:
            end = max(_moments(day + over, hours.end, hours.zone))
            if now < end:
                return end
    return None


def _moments(day: date, clock: str, zone: str) -> list[datetime]:
    """When it is this time on this day: two moments where the clocks are set back, or forward over it."""
    local = datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone))
    return [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
