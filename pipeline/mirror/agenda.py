"""Which moments of the past are still to be read, and in which order: the latest first."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Recorded(NamedTuple):
    """A moment of a span that the history has; `doubtful` if an event came for it afterwards."""

    span: str
    as_of: datetime
    doubtful: bool


class Agenda:
    """The moments on the grid of each span, those that are recorded and those that wait.

    >>> at = datetime(2026, 11, 21, 10, tzinfo=UTC)
    >>> agenda = Agenda({"1h": timedelta(minutes=15), "24h": timedelta(hours=1)}, [])
    >>> agenda.cover(at - timedelta(minutes=20), at + timedelta(minutes=1))
    >>> agenda.next()
    (datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.timezone.utc), ['1h', '24h'])
    """

    def __init__(self, steps: Mapping[str, timedelta], recorded: Iterable[Recorded]) -> None:
        self._steps = steps
        self._recorded: dict[datetime, set[str]] = {}
        self._waiting: dict[datetime, set[str]] = {}
        self._covered: tuple[datetime, datetime] | None = None
        for span, as_of, doubtful in recorded:
            self._recorded.setdefault(as_of, set()).add(span)
            if doubtful and span in steps:
                self._waiting.setdefault(as_of, set()).add(span)

    def cover(self, first: datetime, last: datetime) -> None:
        """Let every moment of the grids from `first` to `last` wait that is not recorded."""
        if self._covered is None:
            self._await(first, last)
            self._covered = first, last
            return
        begin, end = self._covered
        self._await(first, begin)
        self._await(end, last)
        self._covered = min(first, begin), max(last, end)

    def doubt(self, since: datetime) -> None:
        """Let every recorded moment wait again that is not before `since`."""
        for as_of, spans in self._recorded.items():
            if as_of >= since and (known := spans & self._steps.keys()):
                self._waiting.setdefault(as_of, set()).update(known)

    def forget(self, before: datetime) -> bool:
        """Let go of moments that are kept no longer; say whether there were any."""
        gone = [(kept, at) for kept in (self._recorded, self._waiting) for at in kept if at < before]
        for kept, at in gone:
            del kept[at]
        return bool(gone)

    def next(self) -> tuple[datetime, list[str]] | None:
        """The latest moment that waits, and its spans; None if none does."""
        if not self._waiting:
            return None
        as_of = max(self._waiting)
        return as_of, sorted(self._waiting[as_of])

    def done(self, as_of: datetime) -> None:
        """What `next` gave is recorded."""
        self._recorded.setdefault(as_of, set()).update(self._waiting.pop(as_of))

    def _await(self, first: datetime, last: datetime) -> None:
        for span, step in self._steps.items():
            at = _EPOCH + -((_EPOCH - first) // step) * step  # the first on the grid, rounded up
            while at <= last:
                if span not in self._recorded.get(at, ()):
                    self._waiting.setdefault(at, set()).add(span)
                at += step
