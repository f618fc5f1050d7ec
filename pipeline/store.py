"""The one writer of the database: records become rows, facts and a watermark together, or not at all.

A crash leaves the state before a transaction or after it, and the watermark says which records must
come again.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Self, TypeVar

import duckdb
import pyarrow as pa

from pipeline import cells, measure
from pipeline.accept import Between, accept
from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.sent_flips import mark_flips_sent, unsent_flips
from pipeline.batch import RecordBatch
from pipeline.checkpoint import Checkpoints
from pipeline.connection import catalog_of, cursor, lacked_memory, one, transaction
from pipeline.database import stored_definitions
from pipeline.dead_letters import mark_sent, unsent
from pipeline.errors import FirsthandError, InputError
from pipeline.names import Names
from pipeline.post import freshen, post
from pipeline.reading import Reading
from pipeline.reject import reject
from pipeline.rejection import Rejection
from pipeline.rejection_limit import RejectionLimit
from pipeline.sql import load
from pipeline.tally import Tally
from pipeline.turns import Turns

T = TypeVar("T")

CHECKPOINT_BYTES = 64_000_000
"""Of log. Texts of more than 4 KB that are in the log are in memory too, and cannot be put aside."""

# Arrow's own allocator keeps what it is given back: 65 MiB at the end of a million events.
pa.set_memory_pool(pa.system_memory_pool())
pa.set_cpu_count(1)  # its threads had little to do here, and took 30 MiB


class GapError(FirsthandError):
    """Records between a partition's watermark and its next batch are missing."""


class Store:
    """An open database: `ingest` in one thread; `refresh`, and the dead letters, each in another."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        fold_facts: int = cells.FOLD_FACTS,
        limit: RejectionLimit | None = None,
    ) -> None:
        self._con = con
        self._fold_facts = fold_facts
        self._catalog = catalog_of(con)
        self._refreshing = cursor(con, self._catalog)
        self._sending = cursor(con, self._catalog)
        self._freshen = freshen(stored_definitions(con))
        self._names = Names(con)
        self._limit = limit or RejectionLimit()
        self._turns = Turns()
        self._checkpoints = _checkpoints(con)
        self._latest: tuple[int, datetime | None] = (0, None)
        """Up to which transaction the latest occurrence is known, and when that was."""
        self.readers: Callable[[], AbstractContextManager[object]] | None = None
        """Keeps others who read off this database's memory for a block; None where nobody else reads."""

    def ingest(
        self,
        batches: Sequence[RecordBatch],
        ingested_at: datetime,
        between: Between = (None, None),
    ) -> Tally:
        """Read and store what is new in `batches`, as `keep` does."""
        return self.keep(Reading(batches), ingested_at, between)

    def keep(self, reading: Reading, ingested_at: datetime, between: Between = (None, None)) -> Tally:
        """Store what is new in what was read; all of it, or nothing if this raises.

        Records below their partition's watermark were stored before and are passed over. A batch that
        begins beyond the watermark would leave a hole in the counts: GapError. Events that occurred
        outside `between` (both ends included) count as not consumed. Where the rejection limit is reached:
        RejectionLimitError.
        """
        return self._with_room(self._con, lambda: self._keep(reading, ingested_at, between))

    def _keep(self, reading: Reading, ingested_at: datetime, between: Between) -> Tally:
        with self._limit.unless_failed(), _forgetting(self._names), transaction(self._con):
            watermarks = self._watermarks()
            _refuse_gaps(reading.batches, watermarks)
            new = reading.after(watermarks)
            tallies = self._store(new, ingested_at, between) if any(map(len, new.batches)) else {}
            cells.fold_when_due(self._con, self._fold_facts)
            self._move_watermarks(new.batches, tallies)
        if self._checkpoints:
            self._checkpoints.make_when_due()
        return reduce(add, tallies.values(), Tally())

    def refresh(self, as_of: datetime) -> None:
        """Bring `metrics` and `contacts` to the moment `as_of`."""
        self._with_room(self._refreshing, lambda: measure.refresh(self._refreshing, as_of))

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Where to go on consuming a partition; None if nothing of it was consumed."""
        with self.reading() as con:
            rows = con.execute(
                "select next_offset from watermarks where topic = $1 and partition = $2", [topic, partition]
            ).fetchall()
        return rows[0][0] if rows else None

    def recognises(self, topic: str, topic_id: str) -> bool:
        """Is it the topic that was consumed under this name? The first id that is asked about is kept."""
        with self.reading() as con, transaction(con):
            known = one(con, "select id from internal.topics where topic = $topic", {"topic": topic})
            if known is None:
                con.execute("insert into internal.topics values ($1, $2)", [topic, topic_id])
        return known in (None, topic_id)

    def latest_occurrence(self) -> datetime | None:
        """The latest accepted `occurred_at`: the moment that a replay's readings speak of.

        Only what came since it was last asked is looked at: a watcher asks every second.
        """
        posted, latest = self._latest
        with self.reading() as con:
            newest, at = con.execute(load("latest"), {"posted": posted}).fetchall()[0]
        if at is not None:
            latest = at if latest is None else max(latest, at)
            self._latest = newest, latest
        return latest

    def unsent_rejections(self, limit: int) -> list[Rejection]:
        """The first rejections, by partition and offset, not known to be in the dead-letter topic."""
        return unsent(self._sending, limit)

    def mark_sent(self, rejections: Sequence[Rejection]) -> None:
        """Remember that these, and those before them in their partitions, are in the dead-letter topic."""
        self._with_room(self._sending, lambda: mark_sent(self._sending, rejections))

    def unsent_flips(self, topic: str, limit: int) -> list[Flip]:
        """The first flips of alerts that are not known to be in the topic."""
        with self.reading() as con:
            return unsent_flips(con, topic, limit)

    def mark_flips_sent(self, topic: str, number: int) -> None:
        """Remember that the flips up to this number are in the topic."""
        with self.beside() as con:
            mark_flips_sent(con, topic, number)

    def owe_no_dead_letters(self) -> None:
        """A replay's rejections are in the database only: its source has a dead-letter topic of its own."""
        with transaction(self._con):
            self._con.execute(
                "insert into internal.dead_letters select topic, partition, next_offset from watermarks"
            )

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own to read by; it sees whole transactions only."""
        with cursor(self._con, self._catalog) as con:
            yield con

    @contextmanager
    def beside(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The same, to write tables by that nobody else writes; never while the file is copied."""
        with self._turns.together(), cursor(self._con, self._catalog) as con:
            yield con

    def copy_to(self, path: Path) -> None:
        """Copy the database, as it stands between two transactions, to `path`; nothing is written meanwhile.

        Raises InputError where something is there already.
        """
        if self._checkpoints is None:
            raise InputError("a database in memory has no file to copy")
        try:
            with self._turns.alone(), path.open("xb") as to:
                self._checkpoints.make()
                self._checkpoints.copy_to(to)
                os.fsync(to.fileno())
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; name another file") from error

    def __enter__(self) -> Self:
        """For a `with` block, at the end of which everything is in the one file, or the block raises."""
        return self

    def __exit__(self, error: object, *_: object) -> None:
        """Close. DuckDB would keep a failure to write to itself, and leave the rest in the log."""
        try:
            if error is None:
                self.checkpoint()
        finally:
            self.close()

    def checkpoint(self) -> None:
        """Bring what is in the log into the file."""
        if self._checkpoints:
            with self._turns.alone():
                self._checkpoints.make()

    def close(self) -> None:
        """Let the file go."""
        for con in (self._sending, self._refreshing, self._con):
            con.close()
        if self._checkpoints:
            self._checkpoints.close()

    def _with_room(self, con: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
        """Do `work` of `con`, all of it or nothing; where readers left it too little memory, without them."""
        with self._turns.together():
            try:
                return work()
            except duckdb.Error as error:
                if self.readers is None or not lacked_memory(error):
                    raise
                with self.readers():
                    with suppress(duckdb.TransactionException):  # none is open: it was rolled back
                        con.rollback()
                    return work()

    def _watermarks(self) -> dict[tuple[str, int], int]:
        rows = self._con.execute("select topic, partition, next_offset from watermarks").fetchall()
        return {(topic, partition): at for topic, partition, at in rows}

    def _store(
        self,
        reading: Reading,
        ingested_at: datetime,
        between: Between,
    ) -> dict[tuple[str, int], Tally]:
        """Accept, post and reject; what became of the records, by partition."""
        arrivals, decoded = reading.arrivals, reading.decoded
        self._limit.watch(arrivals, decoded.rejected)
        events = arrivals.located(decoded.named(self._names), self._names)
        accepted = accept(self._con, events, between)
        if len(accepted.fresh):
            post(self._con, self._freshen, accepted.fresh, ingested_at)
        if decoded.rejected:
            reject(self._con, arrivals, decoded.rejected, ingested_at)
        return arrivals.tallies(
            accepted=accepted.fresh["n"].to_numpy(),
            duplicates=accepted.duplicates,
            rejected=list(decoded.rejected),
            outside=accepted.outside,
        )

    def _move_watermarks(
        self, batches: Sequence[RecordBatch], tallies: Mapping[tuple[str, int], Tally]
    ) -> None:
        reached = {(batch.topic, batch.partition): batch.next for batch in batches}
        moved = [
            {"topic": at[0], "partition": at[1], "next_offset": until, **asdict(tallies.get(at, Tally()))}
            for at, until in reached.items()
        ]
        if moved:
            self._con.execute(load("move_watermarks"), {"batches": moved})


def _refuse_gaps(batches: Sequence[RecordBatch], watermarks: Mapping[tuple[str, int], int]) -> None:
    reached = dict(watermarks)
    for batch in batches:
        at = (batch.topic, batch.partition)
        if batch.start > reached.get(at, batch.start):
            raise GapError(
                f"{batch.topic}, partition {batch.partition}: offsets {reached[at]} to {batch.start - 1} "
                "were never consumed and are gone from the topic; build a new database by `firsthand replay`"
            )
        reached[at] = max(batch.next, reached.get(at, 0))


def _checkpoints(con: duckdb.DuckDBPyConnection) -> Checkpoints | None:
    """Of a database in a file; one in memory needs none."""
    path = one(con, "select path from duckdb_databases() where database_name = current_database()")
    return Checkpoints(con, Path(path), CHECKPOINT_BYTES) if path else None


@contextmanager
def _forgetting(names: Names) -> Iterator[None]:
    """Names that a failed transaction numbered are not stored."""
    try:
        yield
    except BaseException:
        names.forget()
        raise
