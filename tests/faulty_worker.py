"""`firsthand` with a fault in it: python tests/faulty_worker.py FAULT NUMBER worker --kafka ...

The program is the real one; one of its functions is wrapped from outside, and the NUMBERth call of that one
meets the fault.
"""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

import pipeline.database
from pipeline import cli
from pipeline.store import Store


def faulty(fault: str, number: int = 1) -> tuple[str, ...]:
    """The program to be started in place of `firsthand`."""
    return (sys.executable, str(Path(__file__)), fault, str(number))


def kill(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wrap(owner: Any, name: str, number: int, *, before: bool) -> None:
    """Die before, or after, the `number`th call."""
    original, calls = getattr(owner, name), count(1)

    def wrapped(*values: Any, **options: Any) -> Any:
        last = next(calls) == number
        if last and before:
            kill()
        found = original(*values, **options)
        if last:
            kill()
        return found

    setattr(owner, name, wrapped)


def before_duckdb_commits(number: int) -> None:
    """All of a transaction is written; it is not committed."""
    wrap(Store, "_move_watermarks", number, before=False)


def after_duckdb_committed(number: int) -> None:
    """The rows are there; nobody has been told, Kafka neither."""
    wrap(Store, "ingest", number, before=False)


def before_kafka_commits(number: int) -> None:
    """Stored, and on its way to be Kafka's committed offset, which is where others got to until then."""
    from pipeline.transport.consumer import Consumer

    ingest = Store.ingest

    def wrapped(*values: Any) -> Any:
        found = ingest(*values)
        wrap(Consumer, "_commit", number, before=True)
        Store.ingest = ingest
        return found

    Store.ingest = wrapped


def in_a_checkpoint(number: int) -> None:
    """In the `number`th checkpoint of a worker that makes one after each transaction."""
    ingest, calls = Store.ingest, count(1)

    def wrapped(store: Store, *values: Any) -> Any:
        found = ingest(store, *values)
        if next(calls) == number:
            threading.Timer(random.Random(number).uniform(0, 0.01), kill).start()  # noqa: S311 - seeded
        store.checkpoint()
        return found

    Store.ingest = wrapped


class FailingConnection:
    """A connection whose first write after `number` commits fails.

    A fatal failure is the end of the whole database: nothing but closing it can be done afterwards.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, number: int, failure: duckdb.Error) -> None:
        self._con = con
        self._left = number
        self._failure = failure
        self._dead = False

    def __getattr__(self, name: str) -> Any:
        if self._dead and name not in ("close", "unregister"):
            raise self._failure
        return getattr(self._con, name)

    def commit(self) -> None:
        self.__getattr__("commit")()
        self._left -= 1

    def execute(self, query: str, *parameters: object) -> Any:
        if self._left <= 0 and "insert into" in query:
            self._dead = isinstance(self._failure, duckdb.FatalException)
            raise self._failure
        return self.__getattr__("execute")(query, *parameters)


def failing(failure: duckdb.Error) -> Callable[[int], None]:
    def inject(number: int) -> None:
        original = pipeline.database.open_writer
        pipeline.database.open_writer = lambda *values, **options: FailingConnection(
            original(*values, **options), number, failure
        )

    return inject


BROKEN_DISK = 'IO Error: Could not write file "w.duckdb.wal": Input/output error'
DEAD = (
    "FATAL Error: Failed: database has been invalidated because of a previous fatal error. The database must "
    "be restarted prior to being used again."
)
FAULTS: dict[str, Callable[[int], None]] = {
    "before DuckDB commits": before_duckdb_commits,
    "after DuckDB committed": after_duckdb_committed,
    "before Kafka commits": before_kafka_commits,
    "in a checkpoint": in_a_checkpoint,
    "a write fails": failing(duckdb.IOException(BROKEN_DISK)),
    "a write is fatal": failing(duckdb.FatalException(DEAD)),
}

if __name__ == "__main__":
    _, fault, number, *words = sys.argv
    FAULTS[fault](int(number))
    sys.argv = ["firsthand", *words]
    cli.main()
