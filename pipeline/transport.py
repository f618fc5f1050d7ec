"""The Faust transport whose agents receive whole fetched record batches, 70 times cheaper than records.

A topic declared with `BatchSchema` yields one `RecordBatch` per partition and fetch; all other topics
keep Faust's own path. An event of such a topic is acknowledged when its records are stored, and then
Kafka's committed offset follows, for the tools that watch the lag. Where to consume from is the
database's business alone: `BatchApp.stored_offsets` is asked whenever partitions are assigned.

    app = BatchApp("name", stored_offsets, broker="batchkafka://127.0.0.1:9092")
    topic = app.topic("touchpoints", schema=BatchSchema())

This leans on the insides of aiokafka and Faust in the pinned versions; tests/test_transport.py says how.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

import faust
from aiokafka.consumer import fetcher
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    TopicAuthorizationFailedError,
)
from faust.tables import TableManager
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from faust.types.tuples import ack_lock
from mode.supervisors import SupervisorStrategy
from mode.threads import WorkerThread
from mode.utils.futures import notify

from pipeline.batch import RecordBatch
from pipeline.errors import BrokerError
from pipeline.kept_records import KeptRecords
from pipeline.ledger import Ledger
from pipeline.security import Security
from pipeline.sole_consumer import SoleConsumer

SCHEME = "batchkafka"
FAUSTS_LOG = logging.getLogger("faust.transport.batch")
"""What Faust tells of itself is not this program's to show: its subclasses here would tell it as ours."""
MAX_BATCH_RECORDS = 10_000
"""A batch is closed after the wire batch that brings it to this many records."""
MAX_BATCH_BYTES = 8 * 1024 * 1024
"""Or to this many bytes: compressed, a fetch of 4 MiB may hold any number."""
FETCH_MAX_WAIT_MS = 100
"""One fetch per broker is under way: a caught-up partition may delay the busy ones this long."""

FORBIDDEN = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
"""What the broker answers where an ACL is missing. Trying again would not help."""

UNFIT = (InconsistentGroupProtocolError, InvalidGroupIdError, InvalidSessionTimeoutError)
"""What a group answers that has members of another kind, or a cluster that asks for other settings."""

StoredOffsets = Callable[[str, int], Awaitable[int | None]]

_batched: set[str] = set()
"""Names of the batched topics in this process: aiokafka makes its unpackers itself, by class alone."""


class BatchSchema(faust.Schema[Any, Any]):
    """Marks a topic as batched. Decoding the values is the agent's business."""

    def loads_key(self, app: Any, message: Any, **_options: Any) -> Any:  # noqa: ARG002 - Faust's signature
        """Give a batch no key: each of its records has one."""
        return None

    def loads_value(self, app: Any, message: Any, **_options: Any) -> Any:  # noqa: ARG002 - likewise
        """Hand the batch on as it is."""
        return message.value


class TableLess(TableManager):
    """Faust waits a second for tables to be declared; here there are none, all state is the database's."""

    async def on_start(self) -> None:
        """Start without the wait."""
        await self._update_channels()
        await self.recovery.start()


class BatchApp(faust.App):
    """A Faust app that consumes from the offsets its database names and leaves no folder behind."""

    def __init__(self, name: str, stored_offsets: StoredOffsets, **options: Any) -> None:
        self.stored_offsets = stored_offsets
        self.abandoned = False
        """Set when batches under way will never be stored: then nothing waits for them."""
        self._refused: Future[None] = Future()
        super().__init__(name, TableManager=TableLess, **options)

    async def refusal(self) -> None:
        """Raise what the broker answered once it would not have us in the group or at the topic."""
        await asyncio.wrap_future(self._refused)

    def refuse(self, error: BaseException) -> None:
        """Say so; from whichever thread, the first one counts."""
        with suppress(InvalidStateError):
            self._refused.set_exception(error)

    def _create_directories(self) -> None:
        """Make none: they are for tables."""


class Supervisor(SupervisorStrategy):
    """Starts no agent a second time: what ended it ends the worker, and a new agent would outlive that."""

    async def restart_services(self, services: list[Any]) -> None:
        """Hand on why they ended, unless they were told to."""
        for service in services:
            reason = service.crash_reason
            if reason is not None and not isinstance(reason, asyncio.CancelledError):
                service.agent.app.refuse(reason)


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's unpacker of one partition's fetch; for a batched topic it yields RecordBatches."""

    def _unpack_records(self) -> Iterator[Any]:
        if self._tp.topic not in _batched:
            records: Iterator[Any] = super()._unpack_records()
            return records
        return self._unpack_batches()

    def _unpack_batches(self) -> Iterator[RecordBatch]:
        """Cover all that was fetched, in order; a range without records is a batch without records."""
        batch, size = self._new_batch(), 0
        while self._records.has_next():
            wire = self._records.next_batch()
            if self._check_crcs and not wire.validate_crc():
                if batch.next > batch.start:
                    break  # deliver what is whole; fetched again, the rest raises
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if not self._is_taken_back(wire) and not wire.is_control_batch:
                size += _extend(batch, self._read(wire))
            self.next_fetch_offset = batch.next = wire.next_offset
            if len(batch) >= MAX_BATCH_RECORDS or size >= MAX_BATCH_BYTES:
                yield batch
                batch, size = self._new_batch(), 0
        if batch.next > batch.start:
            yield batch

    def _read(self, wire: Any) -> list[Any]:
        try:
            return list(wire)
        except UnicodeDecodeError:
            found: list[Any] = self._records.read_again(wire.base_offset)
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


fetcher.PartitionRecords = PartitionRecords  # aiokafka's Fetcher looks the names up in its module
fetcher.MemoryRecords = KeptRecords


def _extend(batch: RecordBatch, records: list[Any]) -> int:
    """Add the records; how long their values are together."""
    if records and records[0].offset < batch.next:  # the fetch began inside this wire batch
        records = [record for record in records if record.offset >= batch.next]
    if not records:
        return 0
    first, last = records[0].offset, records[-1].offset
    whole = last - first + 1 == len(records)
    if whole and not batch.values:
        batch.offsets = range(first, last + 1)
    elif whole and isinstance(batch.offsets, range) and batch.offsets.stop == first:
        batch.offsets = range(batch.offsets.start, last + 1)
    else:
        batch.offsets = [*batch.offsets, *(record.offset for record in records)]
    batch.keys += [record.key for record in records]
    batch.values += [record.value for record in records]
    batch.timestamps += [record.timestamp for record in records]
    return sum(len(record.value) for record in records if record.value is not None)


def credentials(security: Security) -> Any:
    """How Faust's consumer and producer present themselves to the broker; None where it is open to all."""
    if security.logs_in and security.password:
        return faust.SASLCredentials(
            mechanism=security.mechanism,
            username=security.username,
            password=security.password.get_secret_value(),
            ssl_context=security.context,
        )
    return faust.SSLCredentials(security.context) if security.encrypted else None


class Companion(WorkerThread):
    """A thread that the end of the program does not wait for: what it waits for may never come."""

    def __init__(self, service: Any, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with a shorter wait for records and a leave that works everywhere."""

    Worker = Companion
    logger = FAUSTS_LOG

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # noqa: SLF001 - Faust hard-codes 1,500
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - Faust's word for it means much more
        app: Any = self.consumer.app
        sole = SoleConsumer(app.conf.id, app.refuse)
        consumer._partition_assignment_strategy = [sole]  # noqa: SLF001 - Faust would share them out
        return consumer

    async def on_start(self) -> None:
        """Hear what the group's coordinator answers: Faust waits for partitions, and would for ever."""
        await super().on_start()
        app: Any = self.consumer.app
        # aiokafka tells it only to those who fetch.
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - there is no public way
        push = coordinator._push_error_to_user  # noqa: SLF001 - likewise

        def tell(error: BaseException) -> Any:
            if isinstance(error, (*FORBIDDEN, *UNFIT)):
                app.refuse(error)
            return push(error)

        coordinator._push_error_to_user = tell  # noqa: SLF001 - likewise

    def highwater(self, tp: TP) -> int:
        """Tell where the records end that may be consumed: at the first transaction that is still open."""
        consumer = self._ensure_consumer()
        stable = consumer.last_stable_offset(tp)
        known: bool = stable is not None and stable >= 0
        return int(stable if known else consumer.highwater(tp))

    async def on_thread_stop(self) -> None:
        """Leave the group, so that the next worker need not wait for this one's session to run out.

        The embedded broker counts a group's generations from 0, and aiokafka takes 0 for none.
        """
        coordinator = self._consumer and self._consumer._coordinator  # noqa: SLF001 - likewise
        if coordinator and coordinator.generation == 0:
            coordinator.generation = 1
        with suppress(asyncio.CancelledError):  # of a heartbeat to a broker that is gone
            await super().on_thread_stop()


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
        _batched.update(
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
        partitions = [tp for tp in self.assignment() if tp.topic in _batched]
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
        if tp.topic not in _batched:
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
        if message.topic not in _batched:
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
        return self._ledger.committable(tp) if tp.topic in _batched else super()._new_offset(tp)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        for tp in self._ledger.partitions():
            if topics is None or tp in topics or tp[0] in topics:
                yield TP(*tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in _batched:  # Faust would take every batch for a gap
            await super()._add_gap(tp, offset_from, offset_to)

    def on_buffer_full(self, tp: TP) -> None:
        """Keep a batched partition among those fetched.

        Without it the next poll waits up to a second for the others; a full queue holds the fetcher
        back by itself, which is what bounds the memory.
        """
        if tp.topic not in _batched:
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


SentRecord = tuple[bytes | None, bytes, list[tuple[str, bytes]]]
"""Key, value and headers."""


class Producer(driver.Producer):
    """Faust's producer, which can also send records in an order that no failure changes."""

    logger = FAUSTS_LOG

    async def send_first(self, topic: str, number: int, records: Sequence[SentRecord]) -> int:
        """Send the first records, as many as one batch holds; return how many, once they are acknowledged.

        All of them or none arrive. Of records handed over one by one, Kafka's client may give up an earlier
        batch and still deliver a later one. Equal `number`s go to one partition, of those there are now.
        """
        producer = self._ensure_producer()
        partitions = await producer.partitions_for(topic)
        batch = producer.create_batch()
        count = 0
        for key, value, headers in records:
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                break
            count += 1
        await (await producer.send_batch(batch, topic, partition=number % len(partitions)))
        return count


class Transport(driver.Transport):
    """What `batchkafka://` stands for."""

    logger = FAUSTS_LOG

    Consumer = Consumer
    Producer = Producer


TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
