"""A consumer in no group: it looks at a topic's partitions by hand, and commits nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from pipeline.errors import BrokerError
from pipeline.kafka.client import opened, who
from pipeline.security import OPEN, Security

POLL_MS = 200
MAX_BATCH_RECORDS = 20_000
READ: dict[str, Any] = {
    "group_id": None,
    "isolation_level": "read_committed",  # what a transaction took back was never said
    "auto_offset_reset": "earliest",
    "enable_auto_commit": False,
    "allow_auto_create_topics": False,
    "fetch_max_wait_ms": 100,
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
}


@contextmanager
def looking_at(bootstrap: str, topic: str, security: Security) -> Iterator[tuple[Any, list[Any]]]:
    """A consumer, and the topic's partitions; BrokerError where there is no such topic."""
    with opened(KafkaConsumer, bootstrap, security, **READ) as consumer:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            hidden = "" if security == OPEN else f", and that {who(security)} has the ACL to READ it"
            raise BrokerError(f"the broker has no topic {topic}: check its name{hidden}")
        yield consumer, [TopicPartition(topic, number) for number in sorted(numbers)]


def poll(consumer: Any) -> dict[Any, list[Any]]:
    """What has come of each partition, at most MAX_BATCH_RECORDS in all."""
    found: dict[Any, list[Any]] = consumer.poll(timeout_ms=POLL_MS, max_records=MAX_BATCH_RECORDS)
    return found
