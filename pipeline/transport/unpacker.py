"""The unpacking of what was fetched of a partition: wire batches become record batches, not records."""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

from pipeline.batch import RecordBatch, bytes_of
from pipeline.transport.batched import BATCHED

MAX_BATCH_RECORDS = 10_000
"""A batch is closed after the wire batch that brings it to this many records."""
MAX_BATCH_BYTES = 8 * 1024 * 1024
"""Or to this many bytes: compressed, a fetch of 4 MiB may hold any number."""


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's unpacker of one partition's fetch; for a batched topic it yields RecordBatches."""

    def _unpack_records(self) -> Iterator[Any]:
        if self._tp.topic not in BATCHED:
            records: Iterator[Any] = super()._unpack_records()
            return records
        return self._unpack_batches()

    def _unpack_batches(self) -> Iterator[RecordBatch]:
        """Cover all that was fetched, in order; a range without records is a batch without records."""
        batch = self._new_batch()
        while self._records.has_next():
            wire = self._records.next_batch()
            if self._check_crcs and not self._records.is_whole(wire):
                if batch.next > batch.start:
                    break  # deliver what is whole; fetched again, the rest raises
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if not self._is_taken_back(wire) and not wire.is_control_batch:
                _extend(batch, self._read(wire))
            self.next_fetch_offset = batch.next = wire.next_offset
            if len(batch) >= MAX_BATCH_RECORDS or batch.bytes >= MAX_BATCH_BYTES:
                yield batch
                batch = self._new_batch()
        if batch.next > batch.start:
            yield batch

    def _read(self, wire: Any) -> list[Any]:
        try:
            return list(wire)
        except UnicodeDecodeError:
            found: list[Any] = self._records.read_again()
            return found

    def _is_taken_back(self, wire: Any) -> bool:
        """Do its records belong to an aborted transaction? Asked of every wire batch, in order.

        The broker names, with what was fetched, each aborted transaction's producer and first offset; it
        lasts to that producer's next mark. Compaction may have emptied the mark itself.
        """
        if self._isolation_level != fetcher.READ_COMMITTED or wire.producer_id is None:
            return False
        self._consume_aborted_up_to(wire.next_offset - 1)
        if wire.is_control_batch:
            self._aborted_producers.discard(wire.producer_id)
            return False
        return bool(wire.is_transactional and wire.producer_id in self._aborted_producers)

    def _new_batch(self) -> RecordBatch:
        at = self.next_fetch_offset
        return RecordBatch(self._tp.topic, self._tp.partition, at, at)


def _extend(batch: RecordBatch, records: list[Any]) -> None:
    """Add the records."""
    if records and records[0].offset < batch.next:  # the fetch began inside this wire batch
        records = [record for record in records if record.offset >= batch.next]
    if not records:
        return
    first, last = records[0].offset, records[-1].offset
    whole = last - first + 1 == len(records)
    if whole and not batch.values:
        batch.offsets = range(first, last + 1)
    elif whole and isinstance(batch.offsets, range) and batch.offsets.stop == first:
        batch.offsets = range(batch.offsets.start, last + 1)
    else:
        batch.offsets = [*batch.offsets, *(record.offset for record in records)]
    keys, values = [record.key for record in records], [record.value for record in records]
    batch.keys += keys
    batch.values += values
    batch.timestamps += [record.timestamp for record in records]
    batch.bytes += bytes_of(keys, values)
