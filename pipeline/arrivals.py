"""The records of one transaction, numbered in the order they are consumed."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.batch import NO_TIMESTAMP, RecordBatch
from pipeline.names import Names
from pipeline.tally import Tally

Numbers = Sequence[int] | npt.NDArray[np.int32]


def after(batches: Sequence[RecordBatch], watermarks: Mapping[tuple[str, int], int]) -> list[RecordBatch]:
    """The batches less the records below their partition's watermark, which were stored before.

    >>> batch = RecordBatch("t", 0, start=5, next=9)
    >>> batch.offsets, batch.values = [5, 8], [b"old", b"new"]
    >>> [new.values for new in after([batch], {("t", 0): 6})]
    [[b'new']]
    """
    reached = dict(watermarks)
    new = []
    for batch in batches:
        at = reached.get((batch.topic, batch.partition), batch.start)
        if batch.next > at:
            new.append(batch if batch.start >= at else _tail(batch, at))
            reached[batch.topic, batch.partition] = batch.next
    return new


def _tail(batch: RecordBatch, at: int) -> RecordBatch:
    kept = [index for index, offset in enumerate(batch.offsets) if offset >= at]
    first = kept[0] if kept else len(batch)
    return RecordBatch(
        batch.topic,
        batch.partition,
        at,
        batch.next,
        batch.offsets[first:],
        batch.keys[first:],
        batch.values[first:],
        batch.timestamps[first:],
    )


class Arrivals:
    """The records of some batches by running number n = 0, 1, ...: their values, stamps and coordinates."""

    def __init__(self, batches: Sequence[RecordBatch]) -> None:
        self._batches = batches
        self._batch_of = np.repeat(np.arange(len(batches), dtype=np.int32), [len(batch) for batch in batches])
        self.values = list(chain.from_iterable(batch.values for batch in batches))
        self.stamps = list(chain.from_iterable(map(_stamps, batches)))

    def place(self, n: int) -> tuple[str, int, int]:
        """The topic, partition and offset of record n."""
        batch, index = self._find(n)
        return batch.topic, batch.partition, batch.offsets[index]

    def key(self, n: int) -> bytes | None:
        """The key of record n; None also where the source has no keys."""
        batch, index = self._find(n)
        return batch.keys[index] if batch.keys else None

    def by_partition(self) -> dict[tuple[str, int], npt.NDArray[np.int64]]:
        """The running numbers of the records of each topic and partition, in the order of offsets."""
        found: dict[tuple[str, int], list[npt.NDArray[np.int64]]] = {}
        first = 0
        for batch in self._batches:
            numbers = np.arange(first, first := first + len(batch), dtype=np.int64)
            found.setdefault((batch.topic, batch.partition), []).append(numbers)
        return {at: np.concatenate(numbers) for at, numbers in found.items()}

    def located(self, events: pa.Table, names: Names) -> pa.Table:
        """The events, by n, with their coordinates: topic (its number), partition, offset."""
        batches = self._batches
        numbers = events["n"].to_numpy()
        batch_of = self._batch_of[numbers]
        topics = names.numbers([batch.topic for batch in batches])
        partitions = np.array([batch.partition for batch in batches], np.int32)
        offsets = np.concatenate([_numbers(batch.offsets) for batch in batches])
        places = {"topic": topics[batch_of], "partition": partitions[batch_of], "offset": offsets[numbers]}
        for name, column in places.items():
            events = events.append_column(name, pa.array(column))
        return events

    def tallies(
        self, *, accepted: Numbers, duplicates: Numbers, rejected: Numbers, outside: Numbers
    ) -> dict[tuple[str, int], Tally]:
        """What became of the records, by topic and partition, each kind counted for itself.

        Records `outside` the times asked for are not consumed: as if they had never come.
        """
        counts = zip(
            [len(batch) for batch in self._batches] - self._count(outside),
            *(self._count(each) for each in (accepted, duplicates, rejected)),
            [batch.values.count(None) for batch in self._batches],
            strict=True,
        )
        found: dict[tuple[str, int], Tally] = {}
        for batch, counted in zip(self._batches, counts, strict=True):
            at = (batch.topic, batch.partition)
            found[at] = found.get(at, Tally()) + Tally(*map(int, counted))
        return found

    def _count(self, numbers: Numbers) -> npt.NDArray[np.int64]:
        """How many of these records each batch has."""
        chosen = self._batch_of[np.asarray(numbers, np.int64)]
        return np.bincount(chosen, minlength=len(self._batches)).astype(np.int64)

    def _find(self, n: int) -> tuple[RecordBatch, int]:
        for batch in self._batches:
            if n < len(batch):
                return batch, n
            n -= len(batch)
        raise IndexError(n)


def _stamps(batch: RecordBatch) -> Iterable[int | None]:
    """The timestamps of its records; None for a record that has none."""
    if NO_TIMESTAMP in batch.timestamps:
        return (None if stamp == NO_TIMESTAMP else stamp for stamp in batch.timestamps)
    return batch.timestamps or repeat(None, len(batch))


def _numbers(offsets: Sequence[int]) -> npt.NDArray[np.int64]:
    if isinstance(offsets, range):
        return np.arange(offsets.start, offsets.stop, offsets.step, dtype=np.int64)
    return np.array(offsets, dtype=np.int64)
