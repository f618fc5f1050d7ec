"""Producing: records onto a topic, in order per key, each one acknowledged."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from kafka import KafkaProducer
from kafka.partitioner.default import murmur2

from pipeline.kafka.client import REACH_TIMEOUT_S, STALL_TIMEOUT_S, opened
from pipeline.security import OPEN, Security

MAX_UNACKNOWLEDGED_BYTES = 32 * 1024 * 1024
PROGRESS_EVERY = 1_000
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
    with opened(KafkaProducer, bootstrap, security, **BULK) as producer:
        count = len(producer.partitions_for(topic))
        sent = _Unacknowledged(progress)
        began = monotonic()
        for number, (key, value) in enumerate(records):
            if rate is not None and (early := began + number / rate - monotonic()) > 0:
                sleep(early)
            partition = None if key is None else partition_of(key, count)
            sent.add(producer.send(topic, value, key, partition=partition), len(value or b""))
        producer.flush(STALL_TIMEOUT_S)  # a batch that is lost with its connection is never given up
        return sent.settle()


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
def partition_of(key: bytes, partitions: int) -> int:
    """As the default partitioner has it; remembered, since hashing a key takes as long as sending one.

    >>> [partition_of(key, 4) for key in (b"c-1", b"c-2", b"c-1")]
    [3, 2, 3]
    """
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
