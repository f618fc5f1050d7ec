"""Seeded customers who contact, rate and come back: the simulator behind `firsthand simulate`.

The world stands in `simulated/world.py`, what happens in it in `simulated/contacts.py` and
`simulated/surveys.py`, how late it is heard of in `simulated/arrivals.py`, the JSON in
`simulated/records.py`. This file cuts the span into slices in which equally many events happen, so
that memory does not grow with the events, and lets the events leave in order of arrival.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from pipeline.errors import InputError
from pipeline.simulated.arrivals import send
from pipeline.simulated.calendar import DAY, Calendar, milliseconds
from pipeline.simulated.contacts import Desks, Trouble
from pipeline.simulated.draws import Draws
from pipeline.simulated.records import SimulatedEvent, Writer, break_some
from pipeline.simulated.rows import ROW, Rows
from pipeline.simulated.surveys import Aftermath
from pipeline.simulated.world import DESKS, REASONS

__all__ = ["START", "Incident", "SimulatedEvent", "simulate"]

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
_SLICE = 100_000
_MOST_RETURNS = 4
_EVENTS_PER_CUSTOMER = 5
_LARGEST_SEED = (1 << 64) - 1
_LEAST_CUSTOMERS, _MOST_CUSTOMERS = 10, 10_000_000
_LEAST_DAYS, _MOST_DAYS = 0.001, 36_600
_MOST_WAIT_FACTOR = 100
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Incident:
    """One reason on one channel goes wrong from a share of the time span on.

    Waits are `wait_factor` times as long, more give up, fewer are solved, effort and CSAT fall, and
    people are in touch again.
    """

    starts_at_share: float = 0.5
    channel: str = "phone"
    reason: str = "billing"
    wait_factor: int = 5


def simulate(
    events: int,
    seed: int,
    customers: int | None = None,
    start: datetime = START,
    days: float = 28,
    incident: Incident | None = None,
    *,
    duplicates: float = 0.001,
    broken: float = 0.001,
) -> Iterator[SimulatedEvent]:
    """Yield exactly `events` records in order of arrival: most in order of time, about 5 % late.

    The same arguments give the same bytes on every machine. Any other argument, `events` too, may
    change everything: a longer run is not a continuation of a shorter one, and its ids differ.
    All events happen within `days` after `start`; moments finer than a millisecond are cut off. The
    rhythm of days and weeks is in UTC. `customers` are one for five events unless given. About the
    share `duplicates` are repetitions byte for byte, and about the share `broken` are records that
    deserve a rejection; both count among `events`. Raises InputError for arguments that make no sense.

    >>> first, *others = simulate(events=100, seed=7)
    >>> len(others), first.value[:24]
    (99, b'{"specversion":"1.0","id')
    """
    _check(events, seed, customers, start, days)
    _check_shares(duplicates, broken)
    people = customers or min(max(events // _EVENTS_PER_CUSTOMER, _LEAST_CUSTOMERS), _MOST_CUSTOMERS)
    calendar = Calendar(milliseconds(start), round(days * DAY))
    trouble = _trouble(incident, calendar.duration)
    desks = Desks(draws := Draws(seed), calendar, people, trouble)
    span = (calendar.start_ms, calendar.duration)
    arguments = (events, people, *span, trouble, float(duplicates), float(broken))
    run = f"{seed}-{zlib.crc32(repr(arguments).encode()) & 0xFFFF:04x}"
    stream = _Stream(draws, calendar, desks, duplicates, broken)
    return stream.records(events, Writer(run, calendar.start_ms))


class _Stream:
    """The simulation under way: slices of time, filled with stories, emptied by arrival."""

    def __init__(
        self, draws: Draws, calendar: Calendar, desks: Desks, duplicates: float, broken: float
    ) -> None:
        self._draws, self._calendar, self._desks = draws, calendar, desks
        self._aftermath = Aftermath(draws)
        self._duplicates, self._broken = duplicates, broken
        self._stories = self._numbers = 0

    def records(self, events: int, writer: Writer) -> Iterator[SimulatedEvent]:
        """Yield the records, slice by slice; what arrives after a slice's end waits for its own."""
        slices = -(-events // _SLICE)
        waiting = np.empty(0, dtype=ROW)
        for number in range(slices):
            wanted = events * (number + 1) // slices - events * number // slices
            begin, end = (self._calendar.total * edge // slices for edge in (number, number + 1))
            waiting = self._fill(waiting, wanted, begin, end)
            due = (waiting["arrives"] < self._moment(end)) | (number == slices - 1)
            leaving, waiting = waiting[due], waiting[~due]
            yield from writer.write(leaving[np.argsort(leaving["arrives"], kind="stable")])

    def _moment(self, busy: int) -> int:
        return int(self._calendar.moment(np.array([busy]))[0])

    def _fill(self, waiting: Rows, wanted: int, begin: int, end: int) -> Rows:
        """Join the waiting rows with as many stories as it takes for `wanted` events in [begin, end).

        `begin` and `end` are busy time. What happened before and only arrives late was counted then.
        """
        since, until = self._moment(begin), self._moment(end)
        parts, missing = [waiting], wanted - _count(waiting, since, until)
        while missing > 0:
            parts.append(self._tell(missing * 2 // 3 + 1, begin, end))
            missing -= _count(parts[-1], since, until)
        rows = np.concatenate(parts)
        inside = (rows["at"] >= since) & (rows["at"] < until)
        return rows[(np.cumsum(inside) <= wanted) | (rows["at"] < since)]

    def _tell(self, count: int, begin: int, end: int) -> Rows:
        """Make up stories that begin in [begin, end), each from first contact to last, one by one."""
        busy = begin + self._draws.below(end - begin, count)
        contacts = self._desks.first_contacts(busy, self._stories + np.arange(count))
        self._stories += count
        parts: list[Rows] = []
        for _ in range(_MOST_RETURNS):
            back = self._desks.come_back(contacts)
            parts += [contacts, *self._aftermath.follow(contacts, self._desks.troubled(contacts), back)]
            contacts = self._desks.returns(contacts[back])
        rows = np.concatenate([*parts, contacts])
        rows = rows[rows["at"] < self._calendar.duration]
        return self._finish(rows[np.argsort(rows["story"], kind="stable")])

    def _finish(self, rows: Rows) -> Rows:
        """Give the rows their numbers, break some, and send them."""
        rows["number"] = self._numbers + 1 + np.arange(len(rows))
        self._numbers += len(rows)
        break_some(rows, self._draws, self._broken)
        return send(rows, self._draws, self._duplicates)


def _count(rows: Rows, since: int, until: int) -> int:
    return int(np.count_nonzero((rows["at"] >= since) & (rows["at"] < until)))


def _trouble(incident: Incident | None, duration: int) -> Trouble | None:
    """Put the incident into indices and milliseconds."""
    if incident is None:
        return None
    channels, reasons = [desk.channel for desk in DESKS], [reason.name for reason in REASONS]
    _refuse_unless(incident.channel in channels, f"no channel {incident.channel!r}; name one of {channels}")
    _refuse_unless(incident.reason in reasons, f"no reason {incident.reason!r}; name one of {reasons}")
    share, factor = incident.starts_at_share, incident.wait_factor
    _refuse_unless(0 <= share <= 1, f"the incident starts at {share}; give a share from 0 to 1")
    _refuse_unless(
        1 <= factor <= _MOST_WAIT_FACTOR, f"wait_factor is {factor}; give 1 to {_MOST_WAIT_FACTOR}"
    )
    return Trouble(
        round(duration * share), channels.index(incident.channel), reasons.index(incident.reason) + 1, factor
    )


def _check(events: int, seed: int, customers: int | None, start: datetime, days: float) -> None:
    _refuse_unless(events >= 0, f"events is {events}; give 0 or more")
    _refuse_unless(0 <= seed <= _LARGEST_SEED, f"seed is {seed}; give 0 to {_LARGEST_SEED}")
    people = customers is None or 1 <= customers <= _MOST_CUSTOMERS
    _refuse_unless(people, f"customers is {customers}; give 1 to {_MOST_CUSTOMERS}")
    span = _LEAST_DAYS <= days <= _MOST_DAYS
    _refuse_unless(span, f"days is {days}; give {_LEAST_DAYS} to {_MOST_DAYS}")
    _refuse_unless(start.tzinfo is not None, f"start {start.isoformat()} has no offset; write one, or Z")
    inside = _EARLIEST <= start <= _LATEST - timedelta(days=days)
    _refuse_unless(
        inside, f"{days} days from {start.isoformat()} leave the years 1970 to 9998; start elsewhere"
    )


def _check_shares(duplicates: float, broken: float) -> None:
    _refuse_unless(0 <= duplicates <= 1, f"duplicates is {duplicates}; give a share from 0 to 1")
    _refuse_unless(0 <= broken <= 1, f"broken is {broken}; give a share from 0 to 1")


def _refuse_unless(holds: bool, sentence: str) -> None:
    if not holds:
        raise InputError(f"simulate: {sentence}")
