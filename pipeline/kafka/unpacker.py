"""kafka-python's unpacking of what was fetched, where it would fail for ever at what a log may hold."""

from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecordBatch

from pipeline.headers import Lenient

_read_strictly = DefaultRecordBatch._read_msg  # noqa: SLF001 - there is no public way


def read_leniently(wire: Any) -> Any:
    """The next record of a wire batch, whatever the names of its headers are."""
    try:
        return _read_strictly(wire)
    except UnicodeDecodeError:
        wire._buffer = Lenient(wire._buffer)  # noqa: SLF001 - likewise
        return _read_strictly(wire)


class Unpacker(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """kafka-python's unpacker, which fails at the mark of a transaction that compaction has emptied.

    Any mark ends its producer's transaction, so what stands in it need not be looked at.
    """

    def _contains_abort_marker(self, batch: Any) -> bool:
        return bool(batch.is_control_batch)
