"""The unit of work: the records of one partition that were fetched together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

MAX_BYTES = 32 * 1024 * 1024
"""Of records in a transaction, about: what bounds the memory where records are long."""

NO_TIMESTAMP = -1
"""What Kafka has for a record whose sender wrote no timestamp."""


@dataclass(slots=True)
class RecordBatch:
    """Records of one partition in offset order; it covers exactly the offsets `[start, next)`.

    `offsets`, `keys`, `values` and `timestamps` have one entry per record. The range may be longer
    than the records in it: compaction and control batches leave holes. A value of None is a
    tombstone. `timestamps` are the records' Kafka timestamps in milliseconds since 1970, NO_TIMESTAMP for
    a record that has none; the list is empty where the source has none (a file). Of a record without one
    `time_in_future` is not checked.

    >>> batch = RecordBatch("touchpoints", 0, start=5, next=9)
    >>> batch.offsets, batch.values = [5, 8], [b"{}", None]
    >>> len(batch)
    2
    """

    topic: str
    partition: int
    start: int
    next: int
    offsets: Sequence[int] = ()
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    bytes: int = field(init=False)
    """How long its keys and values are together."""

    def __post_init__(self) -> None:
        self.bytes = bytes_of(self.keys, self.values)

    def __len__(self) -> int:
        return len(self.values)


def bytes_of(keys: Iterable[bytes | None], values: Iterable[bytes | None]) -> int:
    """How long they are together."""
    return sum(map(len, filter(None, chain(keys, values))))
