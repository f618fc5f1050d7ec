"""A line through the past: readings at moments that lie evenly before now.

`metrics_at` is a pure function, so a past moment is asked once and then only now and then again: what
came late belongs to its own window.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.connection import one
from pipeline.metrics import METRICS
from pipeline.page_data.asked import Asked
from pipeline.page_data.change import told
from pipeline.page_data.current import at_one_moment, now, then
from pipeline.page_data.moments import written
from pipeline.report import Reading

STEPS = {
    "15m": timedelta(minutes=5),
    "1h": timedelta(minutes=15),
    "24h": timedelta(hours=6),
    "7d": timedelta(days=1),
    "28d": timedelta(days=2),
}
"""How far the moments are apart, by span: the windows of neighbours overlap."""

MOMENTS = 24
ASKED_AGAIN = 1
"""Moments of the past that are asked again each time, the one asked longest ago first."""
LINES = 32
"""Histories kept; the one looked at longest ago makes room."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Line = OrderedDict[datetime, Sequence[Reading]]
"""Readings by moment, in the order in which they were asked."""


class History:
    """The lines that pages look at."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[str, str, str], _Line] = OrderedDict()
        self._one_at_a_time = Lock()

    def line(self, con: DuckDBPyConnection, asked: Asked) -> dict[str, Any]:
        """The readings of one member, at every moment of its past and at the last refresh."""
        with self._one_at_a_time, at_one_moment(con) as as_of:
            if as_of is None:
                return {"as_of": None, "points": []}
            line = self._line(asked)
            _bring_up_to_date(con, asked, line, moments(as_of, asked.span, _earliest(con)))
            current = now(con, asked.span, asked.by, "member = $member", member=asked.member)
        return {
            "as_of": written(as_of),
            "points": [_point(moment, line[moment]) for moment in sorted(line)] + [_point(as_of, current)],
        }

    def _line(self, asked: Asked) -> _Line:
        key = (asked.span, asked.by, asked.member)
        line = self._lines.setdefault(key, OrderedDict())
        self._lines.move_to_end(key)
        if len(self._lines) > LINES:
            self._lines.popitem(last=False)
        return line


def moments(as_of: datetime, span: str, earliest: datetime | None) -> list[datetime]:
    """The moments before `as_of` that have a past, on a grid that does not move with it.

    >>> at = datetime(2026, 11, 21, 10, 7, tzinfo=UTC)
    >>> [each.strftime("%H:%M") for each in moments(at, "1h", at - timedelta(minutes=40))]
    ['09:30', '09:45', '10:00']
    """
    step = STEPS[span]
    last = _EPOCH + (as_of - _EPOCH) // step * step
    if last == as_of:
        last -= step
    back = [last - n * step for n in reversed(range(MOMENTS))]
    return [each for each in back if earliest is not None and each >= earliest]


def _bring_up_to_date(con: DuckDBPyConnection, asked: Asked, line: _Line, wanted: list[datetime]) -> None:
    for gone in line.keys() - set(wanted):
        del line[gone]
    again = list(line)[:ASKED_AGAIN]
    for moment in [*(each for each in wanted if each not in line), *again]:
        line[moment] = then(con, moment, asked.span, asked.by, "member = $member", member=asked.member)
        line.move_to_end(moment)


def _earliest(con: DuckDBPyConnection) -> datetime | None:
    found: datetime | None = one(con, "select min(occurred_at) from internal.events")
    return found


def _point(moment: datetime, readings: Sequence[Reading]) -> dict[str, Any]:
    by_name = {each.metric: told(each) for each in readings}
    return {"at": written(moment), "readings": {each.name: by_name.get(each.name) for each in METRICS}}
