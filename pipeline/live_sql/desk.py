"""Where readers' queries are run: a few at a time, behind ingest, under the limits, to a whole answer."""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import Self

import duckdb
import pyarrow as pa

from pipeline.connection import catalog_of, cursor, lacked_memory, one
from pipeline.errors import RefusedError
from pipeline.live_sql.answer import Answer, read
from pipeline.live_sql.catalog import Catalog
from pipeline.live_sql.door import Door
from pipeline.live_sql.guard import Place, place_of
from pipeline.live_sql.limits import Limits
from pipeline.live_sql.watch import ShortOfMemoryError, Watch

AT_ONCE = 4
NICENESS = 1
"""At 20,000 events/s on two cores, 10 had readers wait 0.29 s (p95), 2 had 0.16 s, and 0 had 0.13 s."""
GRACE_S = 2.0
"""A query that was told to stop does so within a moment; who asked is not kept waiting for longer."""
ATTEMPTS = 3
PAUSE_S = 0.2
SPARED = 0.75
"""The share of DuckDB's memory that may be in use while readers' queries run: ingest has the rest."""

_IN_USE = "select coalesce(sum(memory_usage_bytes), 0) from duckdb_memory() where tag <> 'BASE_TABLE'"

Reading = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


class Desk:
    """Answers readers, in any thread. `reading` gives connections to the database."""

    def __init__(
        self, reading: Reading, limits: Limits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._reading = reading
        self.limits = limits
        self._monotonic = monotonic
        self._door = Door()
        with reading() as con:
            self._catalog = Catalog(con)
            self._memory = _bytes(con)
        self._pool = ThreadPoolExecutor(AT_ONCE, "reader", initializer=_stand_back)
        self._watch = Watch(limits.seconds, self._short_of_memory, monotonic)

    def answer(self, text: str) -> Answer:
        """The answer to a query; RefusedError, in one line, where there will be none."""
        with self._door.passed():
            place = place_of(text, self._catalog.serialize)
            reading = self._reading if place is Place.DATABASE else self._catalog.reading
            return self._awaited(reading, text)

    def _awaited(self, reading: Reading, text: str) -> Answer:
        deadline = self._monotonic() + self.limits.seconds
        try:
            asked = self._pool.submit(self._run, reading, text, deadline)
            return asked.result(self.limits.seconds + GRACE_S)
        except TimeoutError as error:
            asked.cancel()
            raise RefusedError("too many queries run already; try again in a moment") from error
        except (RuntimeError, CancelledError) as error:
            raise RefusedError("the worker stops; try again when it runs") from error

    def alone(self) -> AbstractContextManager[None]:
        """No reader's query runs during the block."""
        return self._watch.alone()

    def __enter__(self) -> Self:
        """For a `with` block, at the end of which nothing runs any more."""
        return self

    def __exit__(self, *_: object) -> None:
        """End, and let everything go."""
        self.end()
        self._pool.shutdown()
        self._catalog.close()

    def end(self) -> None:
        """Answer nobody from now on: what runs is stopped. Returns when all who asked have been told."""
        self._door.shut()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._watch.end()
        self._door.emptied()

    def _run(self, reading: Reading, text: str, deadline: float) -> Answer:
        """Read it, and again where others had the memory: what they do is over in a moment."""
        for _ in range(ATTEMPTS - 1):
            with suppress(ShortOfMemoryError):
                return self._read(reading, text, deadline)
            time.sleep(PAUSE_S)
        return self._read(reading, text, deadline)

    def _read(self, reading: Reading, text: str, deadline: float) -> Answer:
        try:
            with reading() as con, self._watch.over(con, deadline) as asked:
                try:
                    return read(con.execute(text), self.limits)
                except (duckdb.Error, OSError, pa.ArrowException) as error:
                    raise asked.stopped or _refusal(error) from error
        except duckdb.Error as error:  # other queries left no room for a connection
            raise _refusal(error) from error

    def _short_of_memory(self) -> bool:
        with suppress(duckdb.Error), self._reading() as con:
            return bool(one(con, _IN_USE) > SPARED * self._memory)
        return False


def asked(con: duckdb.DuckDBPyConnection, text: str, limits: Limits) -> Answer:
    """The answer to one query of a database that nobody writes, under the rules that a worker has."""
    with Desk(lambda: cursor(con, catalog_of(con)), limits) as desk:
        return desk.answer(text)


def _stand_back() -> None:
    """Let this thread have what processor time the others leave."""
    if sys.platform == "linux":  # elsewhere the number of a thread is not that of a process
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _bytes(con: duckdb.DuckDBPyConnection) -> float:
    """DuckDB's memory limit, which it tells for people."""
    query = "select parse_formatted_bytes(current_setting('memory_limit'))"
    return float(one(con, query))


def _refusal(error: Exception) -> RefusedError:
    """DuckDB's own words, in one line and without the drawing of the place."""
    if isinstance(error, duckdb.Error) and lacked_memory(error):
        return ShortOfMemoryError()
    return RefusedError(" ".join(str(error).partition("\n\nLINE ")[0].split())[:500])
