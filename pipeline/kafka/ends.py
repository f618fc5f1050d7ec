"""Where a topic ends, as of now: how far everything in it can be read."""

import time
from typing import Any

from pipeline.errors import BrokerError
from pipeline.kafka.client import REACH_TIMEOUT_S
from pipeline.kafka.consumer import looking_at, poll
from pipeline.security import OPEN, Security


def end_offsets(bootstrap: str, topic: str, security: Security = OPEN) -> dict[int, int]:
    """Return the offset after the last record of each partition, as of now.

    Where a transaction is open, its beginning is the end: nothing from there on can be consumed yet.
    """
    with looking_at(bootstrap, topic, security) as (consumer, partitions):
        return ends_of(consumer, partitions)


def ends_of(consumer: Any, partitions: list[Any]) -> dict[int, int]:
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
        poll(consumer)
        if time.monotonic() > deadline:
            raise BrokerError("the broker does not say where its topic ends: check the broker")
    high = {tp: consumer.highwater(tp) for tp in partitions}
    while any(consumer.position(tp) < high[tp] for tp in partitions):
        if not poll(consumer):
            break
    return {tp.partition: max(listed[tp], min(consumer.position(tp), high[tp])) for tp in partitions}
