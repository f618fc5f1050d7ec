"""The thread that keeps the mirror current, behind the worker and never in its way."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import psycopg

from pipeline.errors import MirrorError
from pipeline.mirror.agenda import Agenda
from pipeline.mirror.plan import Plan
from pipeline.mirror.source import Changes, Source, Store
from pipeline.mirror.tables import State, Tables
from pipeline.mirror.target import Target, reason_of

if TYPE_CHECKING:
    import pyarrow as pa

EVERY_S = 1.0
DUTY = 0.1
"""The share of one core that it may take; DuckDB and Python have better things to do."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0
FAREWELL_S = 5.0
GRACE = timedelta(minutes=1)
"""So long after a moment it is read: what is on its way for less long restates nothing."""


class Mirror:
    """Keeps what Tables has equal to what Source has.

    `say` is told when PostgreSQL is lost, once, and when it is back; until then it is tried again, up to
    LONGEST_PAUSE_S apart. The history waits until `caught_up` says that what is read now is likely to last.
    """

    def __init__(
        self,
        store: Store,
        target: Target,
        plan: Plan,
        *,
        clock: Callable[[], datetime],
        new_identity: Callable[[], str],
        say: Callable[[str], None],
        caught_up: Callable[[], bool] = lambda: True,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._source = Source(store)
        self._identity = self._source.identity(new_identity)
        self._target = target
        self._plan = plan
        self._clock = clock
        self._say = say
        self._caught_up = caught_up
        self._cpu = cpu
        self._tables: Tables | None = None
        self._told: pa.Table | None = None
        self._state = State(None, 0)
        self._agenda = Agenda(plan.steps, [])
        self._earliest: datetime | None = None
        self._lost = False
        self._pause_s = FIRST_PAUSE_S
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirroring", daemon=True)

    def start(self) -> None:
        """Begin. MirrorError where PostgreSQL refuses for good; where it is away, it is tried again."""
        try:
            self._open()
        except psycopg.OperationalError as error:
            self._note_loss(error)
        self._thread.start()

    def end(self) -> None:
        """Mirror the last refresh and let go; a PostgreSQL that does not answer is not waited for."""
        self._ended.set()
        self._thread.join(FAREWELL_S)
        if self._thread.is_alive():
            self._say(f"the mirror {self._target.name} did not answer at the end: it lacks the last refresh")

    def step(self) -> float:
        """Mirror the last refresh and a moment of the past; give the seconds to rest."""
        began = self._cpu()
        try:
            tables = self._tables or self._open()
            self._mirror_current(tables)
            more = self._mirror_past(tables)
        except (psycopg.Error, MirrorError, duckdb.Error) as error:
            self._note_loss(error)
            return self._pause_s
        self._note_success()
        rest = (self._cpu() - began) * (1 / DUTY - 1)
        return rest if more else max(rest, EVERY_S)

    def _run(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            pause = self.step()
        try:
            if self._tables is not None:
                self._mirror_current(self._tables)
        except duckdb.Error:
            pass  # the worker has met it, too, and says so
        except psycopg.Error as error:
            self._note_loss(error)
        finally:
            self._close()

    def _open(self) -> Tables:
        """Connect, and find out how far the mirror is; the current readings are told anew, all of them."""
        tables = Tables(self._target, self._plan.schema, self._identity)
        try:
            self._state = tables.state()
            if self._source.posted() < self._state.posted:
                # an older copy of the database is in its place: what came since then is not known
                self._state = self._state._replace(posted=0)
            self._agenda = Agenda(self._plan.steps, tables.moments())
            self._earliest = self._source.earliest()
        except BaseException:
            tables.close()
            raise
        self._told = None
        self._tables = tables
        return tables

    def _mirror_current(self, tables: Tables) -> None:
        changes = self._source.changes(self._told, self._state.as_of, self._state.posted)
        if changes is None:
            return
        state = State(changes.as_of, changes.posted)
        gone = None if self._told is None else changes.gone
        tables.tell(changes.written, gone, state, self._clock(), changes.late)
        self._told, self._state = changes.now, state
        self._plan_past(tables, changes)

    def _plan_past(self, tables: Tables, changes: Changes) -> None:
        """Note which moments of the past have come, which are in doubt, and which are kept no longer."""
        oldest = changes.as_of - self._plan.keep
        if changes.late is not None:
            self._earliest = min(changes.late, self._earliest or changes.late)
            self._agenda.doubt(changes.late)
        if self._earliest is not None:
            self._agenda.cover(max(self._earliest, oldest), changes.as_of - GRACE)
        if self._agenda.forget(oldest):
            tables.forget(oldest)

    def _mirror_past(self, tables: Tables) -> bool:
        """Record the latest moment that waits; say whether another does."""
        due = self._agenda.next()
        if due is None or not self._caught_up():
            return False
        as_of, spans = due
        tables.record(as_of, spans, self._source.at(as_of, spans), self._clock())
        self._agenda.done(as_of)
        return self._agenda.next() is not None

    def _note_success(self) -> None:
        if self._lost:
            self._say(f"the mirror {self._target.name} is back")
        self._lost, self._pause_s = False, FIRST_PAUSE_S

    def _note_loss(self, error: Exception) -> None:
        self._close()
        if not self._lost:
            told = f"the mirror {self._target.name} is lost, and tried again until it is back"
            self._say(f"{told}: {reason_of(error)}")
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S) if self._lost else FIRST_PAUSE_S
        self._lost = True

    def _close(self) -> None:
        if self._tables is not None:
            self._tables.close()
        self._tables = None


@contextmanager
def mirroring(mirror: Mirror) -> Iterator[Mirror]:
    """Mirror while the block runs."""
    mirror.start()
    try:
        yield mirror
    finally:
        mirror.end()
