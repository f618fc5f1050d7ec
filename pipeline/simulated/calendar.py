"""When customers get in touch: hours of the day and days of the week, per channel."""

from datetime import datetime, timedelta

import numpy as np

from pipeline.simulated.draws import Ints, cumulative
from pipeline.simulated.world import DESKS, SEGMENTS

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_FIRST_MONDAY = 4 * DAY


def milliseconds(moment: datetime) -> int:
    """Count an aware moment in milliseconds since 1970; what is finer is cut off.

    >>> milliseconds(datetime.fromisoformat("1970-01-01T01:00:02.5+01:00"))
    2500
    """
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _traffic() -> Ints:
    """How busy each channel is: a row per hour of the week from Monday 00:00 UTC, a column per channel."""
    rows = [
        [
            desk.weight * desk.days[day] * desk.hours[hour] * 10_000 // (sum(desk.days) * sum(desk.hours))
            for desk in DESKS
        ]
        for day in range(7)
        for hour in range(24)
    ]
    return np.array(rows, dtype=np.int64)


def channel_table() -> Ints:
    """Weights of the channels by hour of the week and segment; row = hour * len(SEGMENTS) + segment."""
    likes = np.array([segment.likes for segment in SEGMENTS], dtype=np.int64)
    weights = (_traffic()[:, None, :] * likes[None, :, :]).reshape(-1, len(DESKS))
    return cumulative(weights.tolist())


class Calendar:
    """The span of a simulation, and its busy time: a clock that runs faster in busy hours.

    Moments are milliseconds since the start. Busy time is the running total of traffic, so that
    moments drawn evenly in busy time fall into the hours of the day as contacts do.

    >>> calendar = Calendar(milliseconds(datetime.fromisoformat("2026-01-05T00:00:00+00:00")), 7 * DAY)
    >>> night, noon = calendar.busy(np.array([3 * HOUR, 12 * HOUR]))
    >>> calendar.moment(np.array([night, noon])).tolist() == [3 * HOUR, 12 * HOUR]
    True
    >>> rush = calendar.rush(np.array([3 * HOUR, 12 * HOUR]))
    >>> bool(rush[0] < rush[1])
    True
    """

    def __init__(self, start_ms: int, duration: int) -> None:
        self.start_ms, self.duration = start_ms, duration
        cells = -(-duration // HOUR)
        self._traffic = _traffic().sum(axis=1)[self.hour_of_week(np.arange(cells, dtype=np.int64) * HOUR)]
        widths = np.full(cells, HOUR, dtype=np.int64)
        widths[-1] = duration - (cells - 1) * HOUR
        self._until = np.cumsum(self._traffic * widths)
        self.total = int(self._until[-1])

    def hour_of_week(self, moment: Ints) -> Ints:
        """0 for Monday 00:00 UTC to 167."""
        return np.asarray((self.start_ms - _FIRST_MONDAY + moment) // HOUR % 168)

    def moment(self, busy: Ints) -> Ints:
        """Return when the busy clock shows that; the end of the span for what lies beyond."""
        inside = np.minimum(busy, self.total - 1)
        cell = np.searchsorted(self._until, inside, side="right")
        traffic = self._traffic[cell]
        left = self._until[cell] - inside
        end = np.minimum((cell + 1) * HOUR, self.duration)
        return np.where(busy >= self.total, self.duration, end - -(-left // traffic))

    def busy(self, moment: Ints) -> Ints:
        """Read the busy clock at moments inside the span."""
        cell = moment // HOUR
        end = np.minimum((cell + 1) * HOUR, self.duration)
        return np.asarray(self._until[cell] - (end - moment) * self._traffic[cell])

    def later(self, moment: Ints, delay: Ints) -> Ints:
        """About `delay` milliseconds later, in hours in which there is traffic."""
        return self.moment(self.busy(moment) + delay * (self.total // self.duration))

    def rush(self, moment: Ints) -> Ints:
        """How much longer than at the quietest hour one waits, in percent: 70 to 170."""
        return np.asarray(70 + 100 * self._traffic[moment // HOUR] // int(self._traffic.max()))
