"""The unpacker on its own, with wire batches as aiokafka hands them over; the rest is in test_worker."""

from dataclasses import dataclass, field

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from faust.types import TP

from pipeline.batch import RecordBatch
from pipeline.errors import BrokerError
from pipeline.transport import unpacker
from pipeline.transport.consumer import Consumer
from pipeline.transport.kept_records import CRC_END, KeptRecords
from pipeline.transport.unpacker import PartitionRecords

HERE = TP("unpacked", 0)


@dataclass
class WireRecord:
    offset: int

    @property
    def key(self) -> bytes:
        return b"k%d" % self.offset

    @property
    def value(self) -> bytes:
        return b"v%d" % self.offset

    @property
    def timestamp(self) -> int:
        return 1_000 + self.offset


@dataclass
class WireBatch:
    offsets: list[int]
    next_offset: int
    is_control_batch: bool = False
    whole: bool = True
    producer_id: int | None = None

    @property
    def is_transactional(self) -> bool:
        return self.producer_id is not None

    def __iter__(self):
        return iter([WireRecord(offset) for offset in self.offsets])


@dataclass
class Wire:
    batches: list[WireBatch] = field(default_factory=list)

    def has_next(self) -> bool:
        return bool(self.batches)

    def next_batch(self) -> WireBatch:
        return self.batches.pop(0)

    def is_whole(self, wire: WireBatch) -> bool:
        return wire.whole


@pytest.fixture(autouse=True)
def batched(monkeypatch):
    monkeypatch.setattr(unpacker, "BATCHED", {HERE.topic})


def unpacking(
    at: int, *wire: WireBatch, isolation: int = READ_UNCOMMITTED, aborted: list[tuple[int, int]] | None = None
) -> PartitionRecords:
    """`aborted`: (producer, first offset) of transactions, as the broker sends them with a fetch."""
    return PartitionRecords(HERE, Wire(list(wire)), aborted, at, None, None, True, isolation)


def fetch(at: int, *wire: WireBatch) -> list[RecordBatch]:
    return list(unpacking(at, *wire))


def test_records_keep_their_keys_values_and_timestamps():
    [batch] = fetch(0, WireBatch([0, 1], 2))
    assert list(batch.offsets) == [0, 1]
    assert batch.keys == [b"k0", b"k1"]
    assert batch.values == [b"v0", b"v1"]
    assert batch.timestamps == [1_000, 1_001]


def test_wire_batches_that_follow_on_become_one_batch_with_a_plain_range_of_offsets():
    [batch] = fetch(0, WireBatch([0, 1], 2), WireBatch([2, 3], 4))
    assert batch.offsets == range(4)
    assert (batch.start, batch.next) == (0, 4)


def test_a_fetch_that_begins_inside_a_wire_batch_gives_only_what_was_asked_for():
    [batch] = fetch(5, WireBatch(list(range(10)), 10))
    assert list(batch.offsets) == [5, 6, 7, 8, 9]
    assert (batch.start, batch.next) == (5, 10)


def test_holes_left_by_compaction_are_covered():
    [batch] = fetch(14, WireBatch([14, 17, 19], 25), WireBatch([25, 26], 27))
    assert list(batch.offsets) == [14, 17, 19, 25, 26]
    assert (batch.start, batch.next) == (14, 27)


def test_a_control_batch_is_a_range_without_records():
    control = unpacking(10, WireBatch([10], 12, is_control_batch=True))
    [batch] = control
    assert (batch.start, batch.next, len(batch)) == (10, 12, 0)
    assert control.next_fetch_offset == 12


def test_control_batches_among_records_are_covered():
    [batch] = fetch(10, WireBatch([10], 11), WireBatch([11], 12, is_control_batch=True), WireBatch([12], 13))
    assert (batch.start, batch.next, list(batch.offsets)) == (10, 13, [10, 12])


def test_records_of_an_aborted_transaction_are_left_out_up_to_its_producer_s_mark():
    wire = (
        WireBatch([0], 1, producer_id=7),
        WireBatch([1], 2, producer_id=8),
        WireBatch([2], 3),
        WireBatch([3], 4, producer_id=7),
        WireBatch([4], 5, producer_id=7, is_control_batch=True),
        WireBatch([5], 6, producer_id=7),
    )
    [batch] = unpacking(0, *wire, isolation=READ_COMMITTED, aborted=[(7, 0)])
    assert (batch.start, batch.next, list(batch.offsets)) == (0, 6, [1, 2, 5])


def test_an_aborted_transaction_begins_at_its_own_offset_not_at_its_producer_s_first_record():
    wire = (
        WireBatch([0], 1, producer_id=7),
        WireBatch([1], 2, producer_id=7, is_control_batch=True),
        WireBatch([2], 3, producer_id=7),
    )
    [batch] = unpacking(0, *wire, isolation=READ_COMMITTED, aborted=[(7, 2)])
    assert list(batch.offsets) == [0]
    assert batch.next == 3


def test_a_mark_that_compaction_emptied_still_ends_its_transaction():
    wire = (
        WireBatch([0], 1, producer_id=7),
        WireBatch([], 2, producer_id=7, is_control_batch=True),
        WireBatch([2], 3, producer_id=7),
    )
    [batch] = unpacking(0, *wire, isolation=READ_COMMITTED, aborted=[(7, 0)])
    assert list(batch.offsets) == [2]


def test_a_batch_is_closed_when_it_has_enough_records(monkeypatch):
    monkeypatch.setattr(unpacker, "MAX_BATCH_RECORDS", 3)
    batches = fetch(27, WireBatch([27, 28, 29], 30), WireBatch([30], 31))
    assert [(batch.start, batch.next) for batch in batches] == [(27, 30), (30, 31)]


def test_a_batch_is_closed_when_it_has_enough_bytes(monkeypatch):
    monkeypatch.setattr(unpacker, "MAX_BATCH_BYTES", 16)
    batches = fetch(27, WireBatch([27, 28, 29], 30), WireBatch([30, 31], 32), WireBatch([32], 33))
    assert [(batch.start, batch.next) for batch in batches] == [(27, 30), (30, 33)]


def test_a_damaged_wire_batch_is_an_error_once_the_good_part_is_delivered():
    damaged = WireBatch([2, 3], 4, whole=False)
    first = unpacking(0, WireBatch([0, 1], 2), damaged)
    assert [list(batch.offsets) for batch in first] == [[0, 1]]
    assert first.next_fetch_offset == 2
    with pytest.raises(CorruptRecordException):
        fetch(2, damaged)


def wire_batch(magic: int, first: int, count: int, compression: int) -> bytes:
    """As aiokafka writes it."""
    if magic < 2:
        builder = LegacyRecordBatchBuilder(magic, compression, 2**20)
    else:
        builder = DefaultRecordBatchBuilder(magic, compression, 0, -1, -1, -1, 2**20)
    for n in range(count):
        if magic < 2:
            builder.append(n, timestamp=1_000 + n, key=b"k%d" % n, value=b"v%d" % n * 20)
        else:
            builder.append(n, timestamp=1_000 + n, key=b"k%d" % n, value=b"v%d" % n * 20, headers=[])
    wire = bytearray(builder.build())
    if magic >= 2:
        wire[:8] = first.to_bytes(8, "big")
    return bytes(wire)


@pytest.mark.parametrize("compression", [0, 1])
def test_a_fetch_of_wire_batches_is_read_whole_and_no_flipped_byte_of_their_records_passes(compression):
    parts = [wire_batch(2, 0, 30, compression), wire_batch(2, 30, 1, compression)]
    fetched = b"".join(parts)

    def read(octets: bytes) -> list[bytes | None]:
        unpacked = PartitionRecords(HERE, KeptRecords(octets), None, 0, None, None, True, READ_UNCOMMITTED)
        return [value for batch in unpacked for value in batch.values]

    assert read(fetched) == [b"v%d" % n * 20 for n in (*range(30), 0)]
    for at in range(CRC_END, len(parts[0]), 11):
        damaged = bytearray(fetched)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(CorruptRecordException):
            read(bytes(damaged))
    damaged = bytearray(fetched)
    damaged[-1] ^= 1
    assert len(read(bytes(damaged))) == 30, "the good part is delivered"


@pytest.mark.parametrize("magic", [0, 1])
def test_wire_batches_of_old_brokers_are_checked_by_their_own_checksum(magic):
    fetched = wire_batch(magic, 0, 3, 0)
    kept = KeptRecords(fetched)
    assert [kept.is_whole(kept.next_batch()) for _ in range(3)] == [True] * 3
    assert not kept.has_next()
    damaged = KeptRecords(fetched[:-1] + b"?")
    assert [damaged.is_whole(damaged.next_batch()) for _ in range(3)] == [True, True, False]


def test_a_topic_that_is_not_batched_keeps_its_single_records(monkeypatch):
    monkeypatch.setattr(unpacker, "BATCHED", set())
    singles = PartitionRecords(HERE, Wire(), None, 0, None, None, True, 0)
    assert list(singles) == []
    assert singles._records_iterator is None


@pytest.mark.parametrize("start", [5, 15], ids=["replaced", "cut"])
def test_a_batch_that_does_not_follow_on_is_refused(start):
    consumer = object.__new__(Consumer)
    consumer._expected = {HERE: 10}
    with pytest.raises(BrokerError, match=f"offset 10 was expected, the broker sent {start}"):
        consumer._require_no_gap(HERE, RecordBatch(*HERE, start, 20))
