"""What aiokafka fetched of a partition, kept so that it can be read once more, more patiently."""

from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from pipeline.headers import Lenient

LENGTH_AT, LENGTH_END = 8, 12


class KeptRecords(MemoryRecords):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's quick reader of wire batches, and the bytes that it reads."""

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self._fetched = fetched

    def read_again(self, base_offset: int) -> list[Any]:
        """The records of the wire batch that begins at an offset, by aiokafka's slow and lenient reader."""
        at = 0
        while int.from_bytes(self._fetched[at : at + LENGTH_AT], "big", signed=True) != base_offset:
            at += self._length(at)
        wire = _DefaultRecordBatchPy(self._fetched[at : at + self._length(at)])
        wire._maybe_uncompress()  # noqa: SLF001 - there is no public way
        wire._buffer = Lenient(wire._buffer)  # noqa: SLF001 - likewise
        return list(wire)

    def _length(self, at: int) -> int:
        """How long a wire batch is: offset and length, and what the length says."""
        return LENGTH_END + int.from_bytes(self._fetched[at + LENGTH_AT : at + LENGTH_END], "big")
