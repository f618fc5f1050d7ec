"""Watching the broker: before the worker begins, and while it waits for records."""

import asyncio
from collections.abc import Awaitable, Callable

from pipeline import kafka
from pipeline.errors import BrokerError
from pipeline.handshake import answers
from pipeline.same_log import made_again, require_same_log
from pipeline.worker_settings import WorkerSettings


def prepare_topics(
    at: WorkerSettings,
    next_offset: Callable[[str, int], int | None],
    recognises: Callable[[str, str], bool],
) -> None:
    """Create missing topics, and refuse a log that is not the database's.

    `next_offset`: how far the database has consumed a partition of a topic; None if nothing of it.
    `recognises`: whether the broker's id of a topic is the one that the database knows it by.
    """
    written = [each for each in (at.dlq_topic, at.alerts_topic) if each]
    partitions = dict.fromkeys([at.topic, *written], at.partitions)
    rights = {at.topic: "READ"} | dict.fromkeys(written, "WRITE")
    kafka.require_rights(at.bootstrap, rights, at.security)
    kafka.ensure_topics(at.bootstrap, partitions, at.security)
    require_same_log(
        at.bootstrap,
        at.topic,
        at.security,
        reached=lambda partition: next_offset(at.topic, partition) or 0,
        recognises=lambda found: recognises(at.topic, found),
    )


async def watch_topic(at: WorkerSettings, recognises: Callable[[str, str], Awaitable[bool]]) -> None:
    """Raise BrokerError once the topic is another, or was not to be heard of for `patience_s` seconds.

    It is asked for every `look_s`. The Kafka client itself would try again for ever, and say nothing; and
    where a topic was made again, it would go on at the offset that it had reached in the former.
    """
    loop = asyncio.get_running_loop()
    heard = loop.time()
    lacking = ""
    while loop.time() - heard < at.patience_s:
        await asyncio.sleep(at.look_s)
        try:
            found = await _topic_id(at)
        except BrokerError as error:
            lacking = str(error)
            continue
        if found and not await recognises(at.topic, found):
            raise made_again(at.bootstrap, at.topic)
        heard = loop.time()
    raise BrokerError(
        f"{lacking} for {at.patience_s:.0f} s: check it and start again; everything consumed so far is stored"
    )


async def _topic_id(at: WorkerSettings) -> str:
    """The broker's id of the topic; BrokerError where it does not answer, or has no such topic."""
    if not await answers(at.bootstrap, at.security, at.look_s):
        raise BrokerError(f"the broker at {at.bootstrap} has not answered")
    try:
        # Asked of a broker that is there: kafka-python leaves a thread behind where none is.
        found = await asyncio.to_thread(kafka.topic_id, at.bootstrap, at.topic, at.security, at.look_s)
    except BrokerError as error:  # it went away meanwhile
        raise BrokerError(f"the broker at {at.bootstrap} has not answered") from error
    if found is None:
        raise BrokerError(f"the broker at {at.bootstrap} has had no topic {at.topic}")
    return found
