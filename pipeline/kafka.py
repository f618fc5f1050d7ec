"""The only door to kafka-python: topics, producing, and reading a topic from beginning to end.

The worker consumes through Faust (`pipeline.transport`). What stands here needs no consumer group:
partitions are assigned by hand, and nothing is committed.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    KafkaTimeoutError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from kafka.partitioner.default import murmur2
from kafka.record.default_records import DefaultRecordBatch

from pipeline.batch import RecordBatch
from pipeline.errors import BrokerError
from pipeline.headers import Lenient
from pipeline.security import OPEN, Security

REACH_TIMEOUT_S = 10.0
STALL_TIMEOUT_S = 30.0
POLL_MS = 200
MAX_BATCH_RECORDS = 20_000
MAX_UNACKNOWLEDGED_BYTES = 32 * 1024 * 1024
PROGRESS_EVERY = 1_000
READ: dict[str, Any] = {
    "group_id": None,
    "isolation_level": "read_committed",  # what a transaction took back was never said
    "auto_offset_reset": "earliest",
    "enable_auto_commit": False,
    "allow_auto_create_topics": False,
    "fetch_max_wait_ms": 100,
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
}
BULK: dict[str, Any] = {
    "acks": "all",
    "linger_ms": 20,
    "batch_size": 256 * 1024,  # 16 KiB, the default, costs twice the CPU
    "max_request_size": 64 * 1024 * 1024,  # the broker says what is too large, not this client
    "max_block_ms": int(REACH_TIMEOUT_S * 1000),
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": 30_000,  # a broker that went away for good ends the sending
    "allow_auto_create_topics": False,
    "metrics_enabled": False,
}

_read_strictly = DefaultRecordBatch._read_msg  # noqa: SLF001 - there is no public way


def _read_leniently(wire: Any) -> Any:
    try:
        return _read_strictly(wire)
    except UnicodeDecodeError:
        wire._buffer = Lenient(wire._buffer)  # noqa: SLF001 - likewise
        return _read_strictly(wire)


DefaultRecordBatch._read_msg = _read_leniently  # noqa: SLF001 - likewise


def require_broker(bootstrap: str, timeout_s: float = REACH_TIMEOUT_S, security: Security = OPEN) -> None:
    """Return if a broker at HOST:PORT lets us in; raise BrokerError, in one line, if none does in time."""
    with _client(KafkaAdminClient, bootstrap, security, timeout_s):
        pass


def ensure_topics(bootstrap: str, partitions: Mapping[str, int], security: Security = OPEN) -> None:
    """Create the missing topics, each with its number of partitions; leave the others as they are."""
    with _client(KafkaAdminClient, bootstrap, security) as admin:
        existing = set(admin.list_topics())
        missing = {
            topic: {"num_partitions": count, "replication_factor": -1}  # -1: the broker's own default
            for topic, count in partitions.items()
            if topic not in existing
        }
        if not missing:
            return
        try:
            admin.create_topics(missing)
        except TopicAlreadyExistsError:
            return  # another program was faster
        except AuthorizationError as error:
            raise BrokerError(
                f"the broker at {bootstrap} lets {_who(security)} neither see nor create "
                f"{', '.join(missing)}: add the ACL to use it, or to CREATE it"
            ) from error
        admin.wait_for_topics(list(missing))


def require_rights(bootstrap: str, needed: Mapping[str, str], security: Security = OPEN) -> None:
    """Return if each topic may be used for what is needed of it: "READ" or "WRITE"; else BrokerError."""
    with _client(KafkaAdminClient, bootstrap, security) as admin:
        for topic in admin.describe_topics(list(needed)):
            name, granted = topic["name"], topic["authorized_operations"]
            hidden = topic["error_code"] == TopicAuthorizationFailedError.errno
            if hidden or (granted is not None and needed[name] not in granted):  # None: it knows of no rights
                raise BrokerError(
                    f"the broker at {bootstrap} lets {_who(security)} not {needed[name]} {name}: add that ACL"
                )


def topic_id(
    bootstrap: str, topic: str, security: Security = OPEN, timeout_s: float = REACH_TIMEOUT_S
) -> str | None:
    """The broker's own id of a topic, which one made again has not; None where it has no such topic.

    An old broker has none, and says '' of every topic. Raises BrokerError where none answers in time.
    """
    with _client(
        KafkaAdminClient, bootstrap, security, timeout_s, request_timeout_ms=int(timeout_s * 1000)
    ) as admin:
        [found] = admin.describe_topics([topic])
    if found["error_code"] == UnknownTopicOrPartitionError.errno:
        return None
    return found["topic_id"] or ""


def produce(
    bootstrap: str,
    topic: str,
    records: Iterable[tuple[bytes | None, bytes | None]],
    *,
    rate: float | None = None,
    progress: Callable[[int], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    security: Security = OPEN,
) -> int:
    """Write (key, value) records to a topic, in order per key; return how many the broker acknowledged.

    Equal keys go to the same partition, by the hash that Kafka's own clients use. `rate` is records per
    second (None: as fast as it goes). `progress` is told the number acknowledged so far. At most 32 MiB
    are under way at once. Raises BrokerError as soon as the broker refuses a record; those before it
    may have been written.
    """
    with _client(KafkaProducer, bootstrap, security, **BULK) as producer:
        count = len(producer.partitions_for(topic))
        sent = _Unacknowledged(progress)
        began = monotonic()
        for number, (key, value) in enumerate(records):
            if rate is not None and (early := began + number / rate - monotonic()) > 0:
                sleep(early)
            partition = None if key is None else _partition_of(key, count)
            sent.add(producer.send(topic, value, key, partition=partition), len(value or b""))
        producer.flush(STALL_TIMEOUT_S)  # a batch that is lost with its connection is never given up
        return sent.settle()


def end_offsets(bootstrap: str, topic: str, security: Security = OPEN) -> dict[int, int]:
    """Return the offset after the last record of each partition, as of now.

    Where a transaction is open, its beginning is the end: nothing from there on can be consumed yet.
    """
    with _client(KafkaConsumer, bootstrap, security, **READ) as consumer:
        return _ends(consumer, _partitions(consumer, topic, security))


def count_waiting(
    bootstrap: str,
    topic: str,
    reached: Mapping[int, int],
    security: Security = OPEN,
    progress: Callable[[int], None] | None = None,
) -> dict[int, int]:
    """Return how many records each partition has from the offset that it has `reached` (else from 0).

    They are read and counted: the difference of two offsets would count what transactions took back, the
    marks they leave, and what compaction removed.
    """
    waiting = dict.fromkeys(end_offsets(bootstrap, topic, security), 0)
    for batch in read_batches(bootstrap, topic, security=security, reached=reached):
        waiting[batch.partition] += len(batch)
        if progress is not None:
            progress(sum(waiting.values()))
    return waiting


def read_batches(
    bootstrap: str,
    topic: str,
    monotonic: Callable[[], float] = time.monotonic,
    security: Security = OPEN,
    reached: Mapping[int, int] | None = None,
) -> Iterator[RecordBatch]:
    """Yield every record of a topic, from its beginning to its end as of the start; then stop.

    Per partition the batches follow one another without a gap and hold at most 20,000 records; those of
    aborted transactions are left out. `reached` names partitions that begin at an offset of their own.
    Raises BrokerError where the topic is unknown or nothing comes for 30 s although the end is not
    reached.
    """
    with _client(KafkaConsumer, bootstrap, security, **READ) as consumer:
        partitions = _partitions(consumer, topic, security)
        ends = _ends(consumer, partitions)
        at = _begin(consumer, partitions, reached or {})
        heard = monotonic()
        while unfinished := [tp for tp in partitions if at[tp] < ends[tp.partition]]:
            consumer.pause(*(set(partitions) - set(unfinished)))
            fetched = consumer.poll(timeout_ms=POLL_MS, max_records=MAX_BATCH_RECORDS)
            for tp in unfinished:
                start, at[tp] = at[tp], consumer.position(tp)
                if at[tp] > start:
                    heard = monotonic()
                    yield _batch(tp, start, min(at[tp], ends[tp.partition]), fetched.get(tp, []))
            if monotonic() - heard > STALL_TIMEOUT_S:
                raise BrokerError(
                    f"{bootstrap} fell silent before the end of {topic}: check the broker and try again"
                )


class _Unpacker(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """kafka-python's unpacker, which fails at the mark of a transaction that compaction has emptied.

    Any mark ends its producer's transaction, so what stands in it need not be looked at.
    """

    def _contains_abort_marker(self, batch: Any) -> bool:
        return bool(batch.is_control_batch)


Fetcher.PartitionRecords = _Unpacker  # where kafka-python looks it up


class _Unacknowledged:
    """Records under way: bounded in bytes, and each one checked."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._waiting: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._acknowledged = 0

    def add(self, future: Any, size: int) -> None:
        self._waiting.append((future, size))
        self._bytes += size
        while self._waiting and (self._bytes > MAX_UNACKNOWLEDGED_BYTES or self._waiting[0][0].is_done):
            self._settle_oldest()

    def settle(self) -> int:
        """Check what is still under way; return how many records were acknowledged in all."""
        while self._waiting:
            self._settle_oldest()
        if self._progress and self._acknowledged % PROGRESS_EVERY:
            self._progress(self._acknowledged)
        return self._acknowledged

    def _settle_oldest(self) -> None:
        future, size = self._waiting.popleft()
        future.get(STALL_TIMEOUT_S)  # raises what the broker said of this record
        self._bytes -= size
        self._acknowledged += 1
        if self._progress and self._acknowledged % PROGRESS_EVERY == 0:
            self._progress(self._acknowledged)


@lru_cache(maxsize=100_000)
def _partition_of(key: bytes, partitions: int) -> int:
    """As the default partitioner has it; remembered, since hashing a key takes as long as sending one.

    >>> [_partition_of(key, 4) for key in (b"c-1", b"c-2", b"c-1")]
    [3, 2, 3]
    """
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def _begin(consumer: Any, partitions: list[Any], reached: Mapping[int, int]) -> dict[Any, int]:
    """Go to where the reading begins; what is gone from there by now is passed over."""
    consumer.seek_to_beginning(*partitions)
    at = {tp: max(consumer.position(tp), reached.get(tp.partition, 0)) for tp in partitions}
    for tp, offset in at.items():
        consumer.seek(tp, offset)
    return at


def _ends(consumer: Any, partitions: list[Any]) -> dict[int, int]:
    """What the broker lists, or what a fetch from there still yields, whichever is further.

    The embedded broker lists the beginning of the last batch. Kafka is right, and yields no more than it
    lists where a transaction is open, whatever its high watermark.
    """
    listed = consumer.end_offsets(partitions)
    consumer.assign(partitions)
    for tp in partitions:
        consumer.seek(tp, listed[tp])
    deadline = time.monotonic() + REACH_TIMEOUT_S
    while any(consumer.highwater(tp) is None for tp in partitions):
        consumer.poll(timeout_ms=POLL_MS, max_records=MAX_BATCH_RECORDS)
        if time.monotonic() > deadline:
            raise BrokerError("the broker does not say where its topic ends: check the broker")
    high = {tp: consumer.highwater(tp) for tp in partitions}
    while any(consumer.position(tp) < high[tp] for tp in partitions):
        if not consumer.poll(timeout_ms=POLL_MS, max_records=MAX_BATCH_RECORDS):
            break
    return {tp.partition: max(listed[tp], min(consumer.position(tp), high[tp])) for tp in partitions}


def _partitions(consumer: Any, topic: str, security: Security) -> list[Any]:
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        hidden = "" if security == OPEN else f", and that {_who(security)} has the ACL to READ it"
        raise BrokerError(f"the broker has no topic {topic}: check its name{hidden}")
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def _batch(tp: Any, start: int, stop: int, records: list[Any]) -> RecordBatch:
    known = [record for record in records if record.offset < stop]
    return RecordBatch(
        tp.topic,
        tp.partition,
        start,
        stop,
        offsets=[record.offset for record in known],
        keys=[record.key for record in known],
        values=[record.value for record in known],
        timestamps=[record.timestamp for record in known],
    )


@contextmanager
def _client(
    kind: Any, bootstrap: str, security: Security, timeout_s: float = REACH_TIMEOUT_S, **options: Any
) -> Iterator[Any]:
    """Open a client; what kafka-python raises becomes one line that names the broker."""
    if security != OPEN:
        _admitted(bootstrap, security)
    try:
        client = kind(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=int(timeout_s * 1000),
            **security.options,
            **options,
        )
    except KafkaTimeoutError as error:
        _admitted(bootstrap, security)  # says why, if somebody is there who does not let us in
        raise BrokerError(
            f"no broker answers at {bootstrap}: check the address (HOST:PORT) and that the broker is running"
        ) from error
    except (OSError, ValueError) as error:
        raise BrokerError(f"{bootstrap} is not a broker's address ({error}): give HOST:PORT") from error
    try:
        yield client
    except AuthorizationError as error:
        raise BrokerError(
            f"the broker at {bootstrap} forbids it ({_forbidden(error)}): add the ACL for {_who(security)}"
        ) from error
    except KafkaError as error:
        raise BrokerError(
            f"the broker at {bootstrap} failed ({_said(error)}): check it and try again"
        ) from error
    finally:
        _close(client)


def _close(client: Any) -> None:
    """Let it go; a producer at once, since all is acknowledged by now, or the reason on its way up."""
    if isinstance(client, KafkaProducer):
        with suppress(KafkaTimeoutError):
            client.close(timeout=0)
    else:
        client.close()


@lru_cache(maxsize=16)
def _admitted(bootstrap: str, security: Security) -> None:
    """Ask once in a process; a refusal is raised, and asked for again."""
    from pipeline.handshake import require_admission  # noqa: PLC0415 - where it is not asked, it costs nothing

    require_admission(bootstrap, security, REACH_TIMEOUT_S)


def _forbidden(error: AuthorizationError) -> str:
    """Kafka's word for it and, where the error names it, what it is about; no whole requests."""
    about = ", ".join(map(str, error.args))
    return f"{error.message}: {about}" if 0 < len(about) < 200 else str(error.message)  # noqa: PLR2004 - a line


def _who(security: Security) -> str:
    return security.username or "this client"


def _said(error: KafkaError) -> str:
    return " ".join(str(error).split())
