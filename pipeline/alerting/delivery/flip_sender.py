"""The task that puts every flip on a topic of Kafka, at least once, each alert's in order."""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.flip_record import record
from pipeline.transport.refusals import FORBIDDEN

logger = logging.getLogger(__name__)

FLIPS_AT_ONCE = 200
EVERY_S = 1.0
LONGEST_PAUSE_S = 60.0
LANES = 16
"""An alert's flips go one lane; a lane's go to one partition of the topic, in order."""


class FlipSender:
    """Sends what the database knows as unsent, also what is pending or inhibited, then marks it as sent.

    Trouble holds up nothing else: what is not acknowledged is tried again, up to a minute apart, and
    said once. A missing ACL is raised, for it would not go away by itself. Of a flip that is too large
    for the topic goes what is short of it.
    """

    def __init__(
        self,
        producer: Callable[[], Any],
        topic: str,
        *,
        unsent: Callable[[int], Awaitable[list[Flip]]],
        mark_sent: Callable[[int], Awaitable[None]],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._unsent = unsent
        self._mark_sent = mark_sent
        self._sending = asyncio.Lock()
        self._lost = False

    async def run(self) -> None:
        """Send for ever."""
        pause = EVERY_S
        while True:
            pause = EVERY_S if await self.send_waiting() else min(2 * pause, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def send_waiting(self) -> bool:
        """Send everything unsent; say whether all of it was acknowledged."""
        async with self._sending:
            while flips := await self._unsent(FLIPS_AT_ONCE):
                failed = [number for lane in _lanes(flips) if (number := await self._send(lane))]
                # those of other lanes that were acknowledged after it come once more
                reached = min(failed) - 1 if failed else flips[-1].number
                if reached >= flips[0].number:
                    await self._mark_sent(reached)
                if failed:
                    return False
            return True

    async def _send(self, lane: Sequence[Flip]) -> int | None:
        """Send the flips of a lane; the number of the first that was not acknowledged, if any."""
        sent = 0
        while sent < len(lane):
            try:
                sent += await self._send_first(lane[sent:])
            except FORBIDDEN:
                raise
            except KafkaError as error:
                self._note_loss(error)
                return lane[sent].number
        self._lost = False
        return None

    async def _send_first(self, lane: Sequence[Flip]) -> int:
        """As many as one batch holds, or the first alone, or what is short of it."""
        for flips, short in ((lane, False), (lane[:1], False), (lane[:1], True)):
            try:
                records = [record(each, short=short) for each in flips]
                count: int = await self._producer().send_first(self._topic, _lane(flips[0]), records)
            except MessageSizeTooLargeError:
                if short:
                    raise
            else:
                return count
        raise AssertionError  # the last way returns or raises

    def _note_loss(self, error: KafkaError) -> None:
        if not self._lost:
            logger.warning(
                "flips of alerts could not be put on topic %s yet, they will be tried again: %s",
                self._topic,
                error,
            )
        self._lost = True


def _lane(flip: Flip) -> int:
    return zlib.crc32(flip.alert.encode()) % LANES


def _lanes(flips: Sequence[Flip]) -> list[list[Flip]]:
    found: dict[int, list[Flip]] = {}
    for each in flips:
        found.setdefault(_lane(each), []).append(each)
    return list(found.values())
