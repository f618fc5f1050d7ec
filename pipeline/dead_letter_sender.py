"""The task that passes rejected records on to the dead-letter topic, byte for byte, at least once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from pipeline.rejection import Rejection
from pipeline.transport.refusals import FORBIDDEN

logger = logging.getLogger(__name__)

LETTERS_AT_ONCE = 500
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class DeadLetterSender:
    """Sends what the database knows as unsent, then marks it as sent.

    The letters of one source partition go to one partition of the topic, in order: none is sent before
    the broker has acknowledged those before it, and those are marked. Trouble never holds ingest up: after
    it the rest is tried again, later and later, up to a minute apart. A missing ACL is raised, for it would
    not go away by itself. In place of a letter that is too large for the topic, which would not go away
    either and hold up all others, goes a notice of it.
    """

    def __init__(
        self,
        producer: Callable[[], Any],
        topic: str,
        *,
        unsent: Callable[[int], Awaitable[list[Rejection]]],
        mark_sent: Callable[[Sequence[Rejection]], Awaitable[None]],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._unsent = unsent
        self._mark_sent = mark_sent
        self._waiting = asyncio.Event()
        self._waiting.set()  # those of earlier runs
        self._sending = asyncio.Lock()
        self._told = False

    def note(self) -> None:
        """Say that records were rejected."""
        self._waiting.set()

    async def run(self) -> None:
        """Send for ever."""
        pause = FIRST_PAUSE_S
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            if await self.send_waiting():
                pause = FIRST_PAUSE_S
                continue
            self._waiting.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def send_waiting(self) -> bool:
        """Send everything unsent; say whether all of it was acknowledged."""
        async with self._sending:
            while letters := await self._unsent(LETTERS_AT_ONCE):
                acknowledged = [
                    letter for group in _by_partition(letters) for letter in await self._send(group)
                ]
                if acknowledged:
                    await self._mark_sent(acknowledged)
                if len(acknowledged) < len(letters):
                    return False
            return True

    async def _send(self, letters: list[Rejection]) -> list[Rejection]:
        """Send the letters of one partition; return those before the first that failed."""
        sent = 0
        while sent < len(letters):
            try:
                sent += await self._send_first(letters[sent:])
            except FORBIDDEN:
                raise
            except KafkaError as error:
                _warn(letters[sent], error)
                break
        return letters[:sent]

    async def _send_first(self, letters: Sequence[Rejection]) -> int:
        """Send as many as one batch holds, or the first alone; return how many."""
        try:
            return await self._send_batch(letters)
        except MessageSizeTooLargeError:
            return await self._send_alone(letters[0])

    async def _send_alone(self, letter: Rejection) -> int:
        """Send it, or where it is too large by itself, a notice of it."""
        try:
            return await self._send_batch([letter])
        except MessageSizeTooLargeError:
            notice = letter.notice()
            if not self._told:
                self._told = True
                logger.warning("the rejected record at %s and its like: %s", _place(notice), notice.detail)
            return await self._send_batch([notice])

    async def _send_batch(self, letters: Sequence[Rejection]) -> int:
        records = [(letter.key, letter.payload, letter.headers()) for letter in letters]
        count: int = await self._producer().send_first(self._topic, letters[0].partition, records)
        return count


def _by_partition(letters: Sequence[Rejection]) -> list[list[Rejection]]:
    return [list(group) for _, group in groupby(letters, key=lambda letter: (letter.topic, letter.partition))]


def _warn(letter: Rejection, error: BaseException) -> None:
    logger.warning(
        "the rejected record at %s could not be passed on yet, it will be tried again: %s",
        _place(letter),
        error,
    )


def _place(letter: Rejection) -> str:
    return f"{letter.topic}, partition {letter.partition}, offset {letter.offset}"
