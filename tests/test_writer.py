"""The writing task: what it takes into one transaction, and when it acknowledges."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.batch import MAX_BYTES, RecordBatch
from pipeline.tally import Tally
from pipeline.writer import Writer


@dataclass
class Fetched:
    """An event of Faust's: a batch, and whether it was acknowledged."""

    value: RecordBatch
    acked: list[int] = field(default_factory=list)

    def ack(self):
        self.acked.append(self.value.start)


def batches(sizes):
    start = 0
    for size in sizes:
        yield Fetched(
            RecordBatch("t", 0, start, start + size, range(start, start + size), values=[b""] * size)
        )
        start += size


def stored(sizes, max_records, linger_s=0.0):
    """The sizes of the batches in each transaction."""
    transactions = []

    async def ingest(taken, _at):
        transactions.append([len(batch) for batch in taken])
        return Tally(consumed=sum(map(len, taken)))

    async def run():
        writer = Writer(ingest, lambda: None, max_records=max_records, linger_s=linger_s)
        task = asyncio.create_task(writer.run(lambda _: None))
        fetched = list(batches(sizes))
        for each in fetched:
            await writer.put(each)
        await writer.drained()
        task.cancel()
        assert all(each.acked for each in fetched)

    asyncio.run(run())
    return transactions


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=40), max_records=st.integers(1, 20))
def test_all_is_stored_in_order_and_no_transaction_is_larger_than_asked_unless_its_first_batch_is(
    sizes, max_records
):
    transactions = stored(sizes, max_records)
    assert [size for taken in transactions for size in taken] == sizes
    for taken in transactions:
        assert sum(taken) <= max_records or len(taken) == 1


def test_what_waits_is_taken_together():
    assert stored([5, 5, 5, 5], 10, linger_s=1.0) == [[5, 5], [5, 5]]


def test_nothing_is_acknowledged_when_storing_fails():
    async def ingest(_taken, _at):
        raise OSError("disk full")

    async def run():
        writer = Writer(ingest, lambda: None, max_records=10, linger_s=0)
        (fetched,) = batches([3])
        await writer.put(fetched)
        with pytest.raises(OSError, match="disk full"):
            await writer.run(lambda _: None)
        return fetched.acked

    assert asyncio.run(run()) == []


def test_a_transaction_takes_no_more_bytes_than_bound_the_memory():
    async def taken():
        writer = Writer(None, lambda: None, max_records=60_000, linger_s=0.0)
        for start in range(5):
            value = bytes(MAX_BYTES // 2)
            await writer.put(Fetched(RecordBatch("t", 0, start, start + 1, [start], values=[value])))
        return [len(await writer._take()) for _ in range(3)]

    assert asyncio.run(taken()) == [2, 2, 1]
