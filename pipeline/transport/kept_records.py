"""What aiokafka fetched of a partition, kept: its checksums are checked faster, and it can be read again."""

from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from crc32c import crc32c

from pipeline.headers import Lenient

LENGTH_AT, LENGTH_END = 8, 12
MAGIC_AT = 16
CRC_AT, CRC_END = 17, 21
FIRST_WITH_CRC32C = 2
"""The version of wire batches, their magic; earlier ones have another checksum."""


class KeptRecords(MemoryRecords):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's quick reader of wire batches, and the bytes that it reads."""

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self._fetched = fetched
        self._at = self._end = 0
        """Where the wire batch lies that was given last."""

    def next_batch(self) -> Any:
        """The next wire batch."""
        wire = super().next_batch()
        self._at, self._end = self._end, self._end + self._length(self._end)
        return wire

    def is_whole(self, wire: Any) -> bool:
        """Does the checksum of the wire batch given last hold?

        By the processor's own CRC-32C, 20 GB/s instead of aiokafka's 1.8: 0.2 CPU-s/M less.
        """
        if self._fetched[self._at + MAGIC_AT] < FIRST_WITH_CRC32C:
            return bool(wire.validate_crc())
        said = int.from_bytes(self._fetched[self._at + CRC_AT : self._at + CRC_END], "big")
        return bool(crc32c(memoryview(self._fetched)[self._at + CRC_END : self._end]) == said)

    def read_again(self) -> list[Any]:
        """The records of the wire batch given last, by aiokafka's slow and lenient reader."""
        wire = _DefaultRecordBatchPy(self._fetched[self._at : self._end])
        wire._maybe_uncompress()  # noqa: SLF001 - there is no public way
        wire._buffer = Lenient(wire._buffer)  # noqa: SLF001 - likewise
        return list(wire)

    def _length(self, at: int) -> int:
        """How long a wire batch is: offset and length, and what the length says."""
        return LENGTH_END + int.from_bytes(self._fetched[at + LENGTH_AT : at + LENGTH_END], "big")
