"""The thread that delivers to one notifier, beside the worker and never in its way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import duckdb
from duckdb import DuckDBPyConnection

from pipeline.alerting.delivery.failures import RefusedError, UnreachedError
from pipeline.alerting.delivery.intake import take_in, taken_by
from pipeline.alerting.delivery.outbox import NEVER, Message, Outbox
from pipeline.alerting.delivery.quiet import quiet_until
from pipeline.alerting.delivery.withheld import is_held, release
from pipeline.alerting.rules import QuietHours
from pipeline.connection import one, transaction

EVERY_S = 1.0
PAUSE_S = 5.0
"""After DuckDB would not do what it was asked: it lacked memory, or another wrote at the same place."""
FAREWELL_S = 5.0
LOOK_AGAIN = timedelta(seconds=5)


class Store(Protocol):
    """What delivery needs of a database."""

    def reading(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A connection of its own to read by."""

    def beside(self) -> AbstractContextManager[DuckDBPyConnection]:
        """The same to write tables by that nobody else writes."""


class Channel(Protocol):
    """One way to tell somebody."""

    def send(self, message: Message, now: datetime) -> None:
        """Have it taken. UnreachedError where it may be tried again, RefusedError where that is in vain."""


@dataclass(frozen=True)
class Manner:
    """How a notifier wants to be told.

    `keeps_alive`: it takes silence for the end of an alert, so what fires is repeated whatever the hour.
    """

    group_by: tuple[str, ...] = ()
    repeat: timedelta | None = None
    quiet: QuietHours | None = None
    keeps_alive: bool = False


class Courier:
    """Takes what is new in `flips` to one notifier.

    `say` is told when the notifier is lost, once, and when it is back. Nothing new is looked at until
    `caught_up` says that what is in `flips` is up to date.
    """

    def __init__(
        self,
        name: str,
        store: Store,
        channel: Channel,
        manner: Manner,
        *,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
        caught_up: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name = name
        self._channel = channel
        self._manner = manner
        self._store = store
        self._clock = clock
        self._say = say
        self._caught_up = caught_up
        self._outbox = Outbox(name, manner.repeat, repeats_silenced=manner.keeps_alive)
        self._trouble: type[Exception] | None = None
        self._looked_at = -1
        self._due = NEVER
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"delivering to {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Deliver what is there, and let go; a notifier that does not answer is not waited for."""
        self._ended.set()

    def join(self, patience_s: float) -> None:
        """Wait for its end; what is not delivered then is, after the next start."""
        self._thread.join(patience_s)

    def step(self) -> float:
        """Look at what is new, and deliver all that is due; give the seconds to rest."""
        try:
            now = self._clock()
            last = self._last_number()
            if last != self._looked_at or now >= self._due:
                self._take_in(last)
                while message := self._next():
                    self._deliver(message)
                self._looked_at, self._due = last, self._due_next()
        except duckdb.Error as error:
            self._note(type(error), f"waits for the database: {' '.join(str(error).split())[:200]}")
            return PAUSE_S
        return EVERY_S

    def _run(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            pause = self.step()
        self.step()

    def _last_number(self) -> int:
        """Of `flips`: all that is asked where nothing is new and nothing is due, for it costs little."""
        with self._store.reading() as con:
            return one(con, "select max(number) from flips") or 0

    def _take_in(self, last: int) -> None:
        with self._store.reading() as con:
            taken = taken_by(con, self.name)
        more = (taken is None or taken < last) and self._caught_up()
        while more:
            with self._writing() as con:
                more = take_in(con, self.name, self._manner.group_by, self._clock())
            more = more and not self._ended.is_set()
        with self._writing() as con:
            release(con, self.name, self._clock())

    def _next(self) -> Message | None:
        now = self._clock()
        quiet = self._is_quiet(now)
        with self._writing() as con:
            if (quiet and not self._manner.keeps_alive) or self._outbox.rests(con, now):
                return None
            return self._outbox.next(con, now, only_repeats=quiet)

    def _due_next(self) -> datetime:
        """When there is something to do although nothing new has come."""
        now = self._clock()
        with self._store.reading() as con:
            due = self._outbox.due(con)
            if taken_by(con, self.name) != self._last_number():
                return now
            if self._is_quiet(now) or is_held(con, self.name):
                due = min(due, now)
        # What is overdue already waits for somebody else: for quiet hours, silences or inhibitors to end.
        return due if due > now else now + LOOK_AGAIN

    def _is_quiet(self, now: datetime) -> bool:
        return self._manner.quiet is not None and quiet_until(self._manner.quiet, now) is not None

    def _deliver(self, message: Message) -> None:
        """Outside of any transaction: whoever is told may take his time."""
        try:
            self._channel.send(message, self._clock())
        except UnreachedError as error:
            with self._writing() as con:
                self._outbox.later(con, message, self._clock(), str(error), error.rest)
            self._note(UnreachedError, f"{error}; what it is to be told is kept, and tried again")
        except RefusedError as error:
            with self._writing() as con:
                self._outbox.failed(con, message, self._clock(), str(error))
            self._note(RefusedError, f"{error}; that message is given up: look at its address and secret")
        else:
            with self._writing() as con:
                self._outbox.told(con, message, self._clock())
            self._note(None, "takes what it is told again")

    @contextmanager
    def _writing(self) -> Iterator[DuckDBPyConnection]:
        with self._store.beside() as con, transaction(con):
            yield con

    def _note(self, trouble: type[Exception] | None, words: str) -> None:
        if trouble != self._trouble:
            self._say(f"notifier {self.name} {words}")
        self._trouble = trouble
