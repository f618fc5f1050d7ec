"""Reading a topic without a group: every record that is in it, from its beginning to its end."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.batch import RecordBatch
from pipeline.errors import BrokerError
from pipeline.kafka.client import STALL_TIMEOUT_S
from pipeline.kafka.consumer import looking_at, poll
from pipeline.kafka.ends import end_offsets, ends_of
from pipeline.security import OPEN, Security


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
    with looking_at(bootstrap, topic, security) as (consumer, partitions):
        ends = ends_of(consumer, partitions)
        at = _begin(consumer, partitions, reached or {})
        heard = monotonic()
        while unfinished := [tp for tp in partitions if at[tp] < ends[tp.partition]]:
            consumer.pause(*(set(partitions) - set(unfinished)))
            fetched = poll(consumer)
            for tp in unfinished:
                start, at[tp] = at[tp], consumer.position(tp)
                if at[tp] > start:
                    heard = monotonic()
                    yield _batch(tp, start, min(at[tp], ends[tp.partition]), fetched.get(tp, []))
            if monotonic() - heard > STALL_TIMEOUT_S:
                raise BrokerError(
                    f"{bootstrap} fell silent before the end of {topic}: check the broker and try again"
                )


def _begin(consumer: Any, partitions: list[Any], reached: Mapping[int, int]) -> dict[Any, int]:
    """Go to where the reading begins; what is gone from there by now is passed over."""
    consumer.seek_to_beginning(*partitions)
    at = {tp: max(consumer.position(tp), reached.get(tp.partition, 0)) for tp in partitions}
    for tp, offset in at.items():
        consumer.seek(tp, offset)
    return at


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
