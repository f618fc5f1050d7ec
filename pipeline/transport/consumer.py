"""Faust's consumer: where it begins, that no batch is missing, which are stored, what is committed."""

from collections.abc import Iterable, Iterator
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from pipeline.batch import RecordBatch
from pipeline.errors import BrokerError
from pipeline.ledger import Ledger
from pipeline.transport.app import BatchApp
from pipeline.transport.batched import BATCHED, BatchSchema
from pipeline.transport.consumer_thread import ConsumerThread
from pipeline.transport.log import FAUSTS_LOG


class Consumer(driver.Consumer):
    """Faust's consumer, keeping account of whole batches where a topic is batched."""

    app: BatchApp
    logger = FAUSTS_LOG

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ledger = Ledger()
        self._expected: dict[tuple[str, int], int] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Note which topics are batched before anything of them is fetched."""
        conductor: Any = self.app.topics
        channels = conductor._topic_name_index  # noqa: SLF001 - there is no public way from name to channel
        BATCHED.update(
            topic
            for topic in topics
            if any(isinstance(channel.schema, BatchSchema) for channel in channels[topic])
        )
        await super().subscribe(topics)

    async def perform_seek(self) -> None:
        """Go to where the database stands, or to the beginning of the log if it knows nothing.

        Faust calls this whenever partitions were assigned, before it fetches from them.
        """
        await super().perform_seek()
        partitions = [tp for tp in self.assignment() if tp.topic in BATCHED]
        stored = {tp: await self.app.stored_offsets(tp.topic, tp.partition) for tp in partitions}
        positions = {tp: offset for tp, offset in stored.items() if offset is not None}
        if unknown := [tp for tp in partitions if tp not in positions]:
            positions |= await self.earliest_offsets(*unknown)
        await self.seek_wait(positions)
        for tp, offset in positions.items():
            self._ledger.begin(tp, offset)
            self._expected[tp] = offset
            self._committed_offset[tp] = None  # whatever Kafka has, the database's offset replaces it

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if tp.topic not in BATCHED:
            return super()._to_message(tp, record)
        self._require_no_gap(tp, record)
        latest = record.timestamps[-1] / 1000 if record.timestamps else 0
        return ConsumerMessage(
            tp.topic, tp.partition, record.next - 1, latest, 0, None, None, record, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    def _require_no_gap(self, tp: TP, batch: RecordBatch) -> None:
        """Refuse a batch that does not follow on: aiokafka resets quietly when a log was cut or replaced."""
        expected = self._expected.setdefault(tp, batch.start)
        if batch.start != expected:
            raise BrokerError(
                f"{tp.topic}, partition {tp.partition}: offset {expected} was expected, the broker sent "
                f"{batch.start}: its log was cut or replaced; consume it into a new database"
            )
        self._expected[tp] = batch.next

    def lag(self) -> dict[int, int]:
        """Return how many records the broker has that are not stored, per partition of the batched topics."""
        ends = self.app.monitor.tp_end_offsets
        stored = {tp: self._ledger.committable(tp) for tp in self._ledger.partitions()}
        return {
            tp[1]: max(0, ends.get(TP(*tp), offset) - offset)
            for tp, offset in stored.items()
            if offset is not None
        }

    def ack(self, message: Any) -> bool:
        """Note that a batch is stored. Its records are let go at once."""
        if message.topic not in BATCHED:
            return super().ack(message)
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._ledger.acknowledge(message.tp, message.value.start, message.value.next)
            message.value = None
            self._unacked_messages.discard(message)
            notify(self._waiting_for_ack)
            return True

    def _new_offset(self, tp: TP) -> int | None:
        return self._ledger.committable(tp) if tp.topic in BATCHED else super()._new_offset(tp)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        for tp in self._ledger.partitions():
            if topics is None or tp in topics or tp[0] in topics:
                yield TP(*tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in BATCHED:  # Faust would take every batch for a gap
            await super()._add_gap(tp, offset_from, offset_to)

    def on_buffer_full(self, tp: TP) -> None:
        """Keep a batched partition among those fetched.

        Without it the next poll waits up to a second for the others; a full queue holds the fetcher
        back by itself, which is what bounds the memory.
        """
        if tp.topic not in BATCHED:
            super().on_buffer_full(tp)

    async def wait_empty(self) -> None:
        """Wait until what was delivered is stored, and commit it."""
        if self.app.abandoned:
            await self.commit_and_end_transactions()
        else:
            await super().wait_empty()

    async def commit_and_end_transactions(self) -> None:
        """Commit for the last time, also if another commit is just under way (Faust would skip it)."""
        while await self.maybe_wait_for_commit_to_finish():
            pass
        await super().commit_and_end_transactions()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is stored of the partitions that go, then forget them."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._ledger.forget(tp)
            self._expected.pop(tp, None)
