"""Looks after readers' queries while they run: none takes longer than it may, or memory that ingest needs."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from pipeline.errors import RefusedError

LOOK_EVERY_S = 0.02
LIGHT_S = 0.25
"""A query that runs for less long is not what fills the memory: a transaction of ingest's is."""


class ShortOfMemoryError(RefusedError):
    """Stopped so that ingest has its memory; later there may be enough."""

    def __init__(self) -> None:
        super().__init__("it needs more memory than the worker can spare; ask for less at once")


@dataclass
class Asked:
    """A query that runs: since when, until when it may, and why it was stopped."""

    con: DuckDBPyConnection
    began: float
    deadline: float
    stopped: RefusedError | None = None

    def stop(self, reason: RefusedError) -> None:
        """Interrupt it. It may have been about to begin and not have heard: say it again until it ends."""
        self.stopped = self.stopped or reason
        self.con.interrupt()


class Watch:
    """Stops queries that run beyond their deadline, and all of them where others need the memory."""

    def __init__(
        self, seconds: float, short: Callable[[], bool], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._too_long = (
            f"it took longer than {seconds:g} seconds (FIRSTHAND_SQL_SECONDS); ask for a shorter time or less"
        )
        self._short = short
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._running: list[Asked] = []
        self._barred = 0
        self._ended = False
        self._thread = threading.Thread(target=self._look, name="watching readers", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, con: DuckDBPyConnection, deadline: float) -> Iterator[Asked]:
        """Look after what `con` does in the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._barred)
            if self._ended:
                raise RefusedError(_STOPS)
            asked = Asked(con, self._monotonic(), deadline)
            self._running.append(asked)
            self._changed.notify_all()
        try:
            yield asked
        finally:
            with self._changed:
                self._running.remove(asked)
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no reader's query run during the block: those that do are stopped, others wait."""
        with self._changed:
            self._barred += 1
            while self._running:
                self._stop_all(ShortOfMemoryError())
                self._changed.wait(LOOK_EVERY_S)
        try:
            yield
        finally:
            with self._changed:
                self._barred -= 1
                self._changed.notify_all()

    def end(self) -> None:
        """Stop every query, let none begin, and watch no more."""
        with self._changed:
            self._ended = True
            while self._running:
                self._stop_all(RefusedError(_STOPS))
                self._changed.wait(LOOK_EVERY_S)
            self._changed.notify_all()
        self._thread.join()

    def _look(self) -> None:
        while self._await_queries():
            short = self._short()
            with self._changed:
                now = self._monotonic()
                if short and self._running and now > self._running[0].began + LIGHT_S:
                    self._running[0].stop(ShortOfMemoryError())
                for asked in self._running:
                    if asked.stopped or now > asked.deadline:
                        asked.stop(RefusedError(self._too_long))
            time.sleep(LOOK_EVERY_S)

    def _await_queries(self) -> bool:
        """Whether to go on, once a query runs."""
        with self._changed:
            self._changed.wait_for(lambda: self._running or self._ended)
            return not self._ended

    def _stop_all(self, reason: RefusedError) -> None:
        for asked in self._running:
            asked.stop(reason)


_STOPS = "the worker stops; try again when it runs"
