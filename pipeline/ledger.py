"""How far each partition has been stored without a gap: the offset that may be committed to Kafka."""

Partition = tuple[str, int]


class Ledger:
    """Ranges of offsets are acknowledged in any order; only what follows on without a gap counts.

    Batches cover their partition without holes, so an acknowledged range that does not follow on waits
    for the one before it. A batch that was lost therefore stalls its partition and is never skipped. A
    range that was fetched twice, with other bounds, may overlap.

    >>> ledger, here = Ledger(), ("touchpoints", 0)
    >>> ledger.begin(here, 10)
    >>> ledger.acknowledge(here, 20, 30)
    >>> ledger.committable(here)
    10
    >>> ledger.acknowledge(here, 10, 20)
    >>> ledger.committable(here)
    30
    """

    def __init__(self) -> None:
        self._stored: dict[Partition, int] = {}
        self._ahead: dict[Partition, list[tuple[int, int]]] = {}

    def begin(self, partition: Partition, offset: int) -> None:
        """Consume from here on: everything below `offset` is stored already."""
        self._stored[partition] = offset
        self._ahead[partition] = []

    def acknowledge(self, partition: Partition, start: int, stop: int) -> None:
        """Note that the records in `[start, stop)` are stored; of a partition given away, nothing."""
        if partition not in self._stored:
            return
        waiting = sorted([*self._ahead[partition], (start, stop)])
        stored = self._stored[partition]
        for begin, end in waiting:
            if begin <= stored < end:
                stored = end
        self._stored[partition] = stored
        self._ahead[partition] = [(begin, end) for begin, end in waiting if end > stored]

    def committable(self, partition: Partition) -> int | None:
        """Every record below this offset is stored; None for a partition that is not consumed here."""
        return self._stored.get(partition)

    def forget(self, partition: Partition) -> None:
        """Give a partition away."""
        self._stored.pop(partition, None)
        self._ahead.pop(partition, None)

    def partitions(self) -> list[Partition]:
        """Return the partitions consumed here."""
        return list(self._stored)
