"""The records of one transaction, numbered in the order they are consumed."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.batch import RecordBatch
from pipeline.names import Names


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
        self.values = list(chain.from_iterable(batch.values for batch in batches))
        self.stamps: list[int | None] = list(
            chain.from_iterable(batch.timestamps or repeat(None, len(batch)) for batch in batches)
        )

    def key(self, n: int) -> bytes | None:
        """The key of record n; None also where the source has no keys."""
        for batch in self._batches:
            if n < len(batch):
                return batch.keys[n] if batch.keys else None
            n -= len(batch)
        raise IndexError(n)

    def coordinates(self, names: Names) -> pa.Table:
        """One row per record: n, topic (its number), partition, offset, timestamp_ms, is_tombstone."""
        batches = self._batches
        return pa.table(
            {
                "n": pa.array(np.arange(len(self.values), dtype=np.int32)),
                "topic": _repeated(names.texts([batch.topic for batch in batches]), pa.int32(), batches),
                "partition": _repeated([batch.partition for batch in batches], pa.int32(), batches),
                "offset": pa.concat_arrays([pa.array(_numbers(batch.offsets)) for batch in batches]),
                "timestamp_ms": pa.array(self.stamps, pa.int64()),
                "is_tombstone": pa.array([value is None for value in self.values], pa.bool_()),
            }
        )


def _numbers(offsets: Sequence[int]) -> npt.NDArray[np.int64]:
    if isinstance(offsets, range):
        return np.arange(offsets.start, offsets.stop, offsets.step, dtype=np.int64)
    return np.array(offsets, dtype=np.int64)


def _repeated(values: Iterable[object], kind: pa.DataType, batches: Sequence[RecordBatch]) -> pa.Array:
    return pa.concat_arrays(
        [pa.repeat(pa.scalar(value, kind), len(batch)) for value, batch in zip(values, batches, strict=True)]
    )
