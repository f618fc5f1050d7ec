"""Watching the broker: before the worker begins, and while it waits for records."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from pipeline import kafka
from pipeline.errors import BrokerError
from pipeline.worker_settings import WorkerSettings


def prepare_topics(at: WorkerSettings, next_offset: Callable[[str, int], int | None]) -> None:
    """Create missing topics, and refuse a log that is not the database's.

    `next_offset`: how far the database has consumed a partition of a topic; None if nothing of it.
    """
    partitions = {at.topic: at.partitions, at.dlq_topic: at.partitions}
    kafka.require_rights(at.bootstrap, {at.topic: "READ", at.dlq_topic: "WRITE"}, at.security)
    kafka.ensure_topics(at.bootstrap, partitions, at.security)
    for partition, end in kafka.end_offsets(at.bootstrap, at.topic, at.security).items():
        stored = next_offset(at.topic, partition) or 0
        if stored > end:
            raise BrokerError(
                f"{at.topic}, partition {partition}, at {at.bootstrap} ends at offset {end}, but the "
                f"database has consumed up to {stored}: that was another topic; use a new --db"
            )


async def require_answers(bootstrap: str, look_s: float, patience_s: float) -> None:
    """Raise BrokerError once no server of the broker has answered for `patience_s` seconds.

    It is asked every `look_s`. The Kafka client itself would try again for ever, and say nothing.
    """
    loop = asyncio.get_running_loop()
    heard = loop.time()
    while loop.time() - heard < patience_s:
        await asyncio.sleep(look_s)
        if await _answers(bootstrap, look_s):
            heard = loop.time()
    raise BrokerError(
        f"the broker at {bootstrap} has not answered for {patience_s:.0f} s: check it and start "
        "again; everything consumed so far is stored"
    )


async def _answers(bootstrap: str, timeout_s: float) -> bool:
    """Does any server of HOST:PORT[,HOST:PORT...] take a connection?"""
    for server in bootstrap.split(","):
        host, _, port = server.rpartition(":")
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(timeout_s):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            return True
    return False
