"""What is read of some batches before they are stored: it needs no database, so it is done beside storing."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import is_
from typing import Self

from pipeline.arrivals import Arrivals, after
from pipeline.batch import RecordBatch
from pipeline.decode import decode


class Reading:
    """Batches in order of their offsets, their records, and what these say."""

    def __init__(self, batches: Sequence[RecordBatch]) -> None:
        self.batches = sorted(batches, key=lambda batch: batch.start)
        self.arrivals = Arrivals(self.batches)
        self.decoded = decode(self.arrivals)

    def after(self, watermarks: Mapping[tuple[str, int], int]) -> Self:
        """Less the records below their partition's watermark, which were stored before."""
        new = after(self.batches, watermarks)
        same = len(new) == len(self.batches) and all(map(is_, new, self.batches))
        return self if same else type(self)(new)


def read_ahead(groups: Iterator[Sequence[RecordBatch]]) -> Iterator[Reading]:
    """Each group of batches read, in a thread of its own while the caller stores the one before."""
    with ThreadPoolExecutor(1, "reading") as pool:
        ahead = pool.submit(_next, groups)
        while (reading := ahead.result()) is not None:
            ahead = pool.submit(_next, groups)
            yield reading


def _next(groups: Iterator[Sequence[RecordBatch]]) -> Reading | None:
    group = next(groups, None)
    return None if group is None else Reading(group)
