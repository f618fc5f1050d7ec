"""The one writer of the database: records become rows, facts and a watermark together, or not at all.

A crash leaves the state before a transaction or after it, and the watermark says which records must
come again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import reduce
from operator import add

import duckdb
import pyarrow as pa

from pipeline import measure
from pipeline.arrivals import Arrivals, after
from pipeline.batch import RecordBatch
from pipeline.database import one, stored_definitions, transaction
from pipeline.dead_letters import mark_sent, unsent
from pipeline.decode import decode
from pipeline.errors import FirsthandError
from pipeline.judge import Verdict
from pipeline.post import post
from pipeline.rejection import Rejection
from pipeline.sql import fill, load
from pipeline.tally import Tally


class GapError(FirsthandError):
    """Records between a partition's watermark and its next batch are missing."""


class Store:
    """An open database: `ingest` in one thread; `refresh`, and the dead letters, each in another."""

    def __init__(self, con: duckdb.DuckDBPyConnection, fold_facts: int = measure.FOLD_FACTS) -> None:
        self._con = con
        self._fold_facts = fold_facts
        self._refreshing = con.cursor()
        self._sending = con.cursor()
        self._definitions = stored_definitions(con)
        self._fresh = fill("fresh", key=", ".join(self._definitions.follow_up_key))

    def ingest(
        self,
        batches: Sequence[RecordBatch],
        ingested_at: datetime,
        between: tuple[datetime | None, datetime | None] = (None, None),
    ) -> Tally:
        """Store what is new in `batches`; all of it, or nothing if this raises.

        Records below their partition's watermark were stored before and are passed over. A batch that
        begins beyond the watermark would leave a hole in the counts: GapError. Events that occurred
        outside `between` (both ends included) count as not consumed.
        """
        with transaction(self._con):
            watermarks = self._watermarks()
            in_order = sorted(batches, key=lambda batch: batch.start)
            _refuse_gaps(in_order, watermarks)
            new = after(in_order, watermarks)
            tallies = self._store(Arrivals(new), ingested_at, between) if any(map(len, new)) else {}
            measure.fold_when_due(self._con, self._fold_facts)
            self._move_watermarks(new, tallies)
        return reduce(add, tallies.values(), Tally())

    def refresh(self, as_of: datetime) -> None:
        """Bring `metrics` and `contacts` to the moment `as_of`."""
        measure.refresh(self._refreshing, as_of)

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Where to go on consuming a partition; None if nothing of it was consumed."""
        with self.reading() as con:
            rows = con.execute(
                "select next_offset from watermarks where topic = $1 and partition = $2", [topic, partition]
            ).fetchall()
        return rows[0][0] if rows else None

    def latest_occurrence(self) -> datetime | None:
        """The latest accepted `occurred_at`: the moment that a replay's readings speak of."""
        with self.reading() as con:
            latest: datetime | None = one(con, "select max(occurred_at) from internal.events")
        return latest

    def unsent_rejections(self, limit: int) -> list[Rejection]:
        """The first rejections, by partition and offset, not known to be in the dead-letter topic."""
        return unsent(self._sending, limit)

    def mark_sent(self, rejections: Sequence[Rejection]) -> None:
        """Remember that these, and those before them in their partitions, are in the dead-letter topic."""
        mark_sent(self._sending, rejections)

    def owe_no_dead_letters(self) -> None:
        """A replay's rejections are in the database only: its source has a dead-letter topic of its own."""
        with transaction(self._con):
            self._con.execute(
                "insert into internal.dead_letters select topic, partition, next_offset from watermarks"
            )

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own to read by; it sees whole transactions only."""
        with self._con.cursor() as con:
            yield con

    def close(self) -> None:
        """Write everything into the one file and let it go."""
        for con in (self._sending, self._refreshing, self._con):
            con.close()

    def _watermarks(self) -> dict[tuple[str, int], int]:
        rows = self._con.execute("select topic, partition, next_offset from watermarks").fetchall()
        return {(topic, partition): at for topic, partition, at in rows}

    def _store(
        self,
        arrivals: Arrivals,
        ingested_at: datetime,
        between: tuple[datetime | None, datetime | None],
    ) -> dict[tuple[str, int], Tally]:
        """Decode, accept, post and reject; what became of the records, by partition."""
        try:
            verdicts = decode(self._con, arrivals)
            self._con.register("rejected", _rejected(arrivals, verdicts))
            self._set_stale_aside(between)
            post(self._con, self._definitions, ingested_at)
            self._con.execute(load("reject"), {"rejected_at": ingested_at})
            rows = self._con.execute(load("tally")).fetchall()
        finally:
            self._con.unregister("arrivals")
            self._con.unregister("rejected")
        return {(topic, partition): Tally(*counts) for topic, partition, *counts in rows}

    def _set_stale_aside(self, between: tuple[datetime | None, datetime | None]) -> None:
        """Tell duplicates, and events outside the times asked for, from the fresh ones."""
        self._con.execute(load("outside"), {"earliest": between[0], "latest": between[1]})
        earliest, latest = self._con.execute(
            "select min(occurred_at), max(occurred_at) from decoded"
        ).fetchall()[0]
        self._con.execute(load("stale"), {"earliest": earliest, "latest": latest})
        self._con.execute(self._fresh)

    def _move_watermarks(
        self, batches: Sequence[RecordBatch], tallies: Mapping[tuple[str, int], Tally]
    ) -> None:
        for at, reached in {(batch.topic, batch.partition): batch.next for batch in batches}.items():
            counts = asdict(tallies.get(at, Tally()))
            self._con.execute(
                load("move_watermark"), {"topic": at[0], "partition": at[1], "next": reached, **counts}
            )


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


def _rejected(arrivals: Arrivals, verdicts: Mapping[int, Verdict]) -> pa.Table:
    """One row per rejected record, with its original key and bytes."""
    numbers = list(verdicts)
    return pa.table(
        {
            "n": pa.array(numbers, pa.int32()),
            "reason": pa.array([verdicts[n].reason for n in numbers], pa.string()),
            "detail": pa.array([verdicts[n].detail for n in numbers], pa.string()),
            "key": pa.array([arrivals.key(n) for n in numbers], pa.binary()),
            "payload": pa.array([arrivals.values[n] for n in numbers], pa.binary()),
        }
    )
