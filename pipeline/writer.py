"""The one writing task: what was fetched meanwhile is stored together, then acknowledged.

While one transaction is stored the next one is read, once it is as large as it may be.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from pipeline.batch import MAX_BYTES, RecordBatch
from pipeline.tally import Tally

MAX_WAITING_BATCHES = 12
"""Bounds the memory: with 11,000 records of 400 bytes in each, about 50 MB wait at most."""
LOOK_AGAIN_S = 0.01

R = TypeVar("R")


class Writer(Generic[R]):
    """Takes batches from the agent and stores them in transactions as large as the traffic makes them.

    A transaction takes what is waiting, up to `max_records`, and lingers at most `linger_s`
    seconds for more, since small transactions cost ten times the CPU; it also waits while another is
    stored. Each is `read`, then kept. Events are acknowledged only after `keep` returned; where one of the
    two raises, `run` raises, and nothing later is ever acknowledged.
    """

    def __init__(
        self,
        read: Callable[[Sequence[RecordBatch]], Awaitable[R]],
        keep: Callable[[R, datetime], Awaitable[Tally]],
        clock: Callable[[], datetime],
        *,
        max_records: int,
        linger_s: float,
    ) -> None:
        self._read = read
        self._keep = keep
        self._clock = clock
        self._max_records = max_records
        self._linger_s = linger_s
        self._waiting: asyncio.Queue[Any] = asyncio.Queue(MAX_WAITING_BATCHES)
        self._keeping = False
        self._held: Any = None
        """A batch taken from the queue that would have made the last transaction too large."""

    async def put(self, event: Any) -> None:
        """Hand over a Faust event whose value is a RecordBatch; waits while too many wait already."""
        await self._waiting.put(event)

    async def run(self, on_stored: Callable[[Tally], None]) -> None:
        """Store batches for ever; tell `on_stored` what became of the records of each transaction."""
        ahead = asyncio.ensure_future(self._next())
        try:
            while True:
                events, reading = await ahead
                ahead = asyncio.ensure_future(self._next())
                self._keeping = True
                tally = await self._keep(reading, self._clock())
                self._keeping = False
                for event in events:
                    event.ack()
                    self._waiting.task_done()
                on_stored(tally)
        finally:
            ahead.cancel()

    async def drained(self) -> None:
        """Return when everything handed over is stored and acknowledged."""
        await self._waiting.join()

    async def _next(self) -> tuple[list[Any], R]:
        events = await self._take()
        return events, await self._read([event.value for event in events])

    async def _take(self) -> list[Any]:
        """The batches of the next transaction: more than `max_records` only if the first alone has more.

        The same holds for MAX_BYTES.
        """
        events = [self._held or await self._waiting.get()]
        self._held = None
        records, size = len(events[0].value), events[0].value.bytes
        deadline = asyncio.get_running_loop().time() + self._linger_s
        while records < self._max_records and size < MAX_BYTES:
            if not self._waiting.empty():
                event = self._waiting.get_nowait()
                records += len(event.value)
                size += event.value.bytes
                if records > self._max_records or size > MAX_BYTES:
                    self._held = event
                else:
                    events.append(event)
            elif self._keeping or asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(min(LOOK_AGAIN_S, self._linger_s))
            else:
                break
        return events
