"""The one writing task: what was fetched meanwhile is stored together, then acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from pipeline.batch import MAX_BYTES, RecordBatch
from pipeline.tally import Tally

MAX_WAITING_BATCHES = 12
"""Bounds the memory: with 11,000 records of 400 bytes in each, about 50 MB wait at most."""
LOOK_AGAIN_S = 0.01

Ingest = Callable[[Sequence[RecordBatch], datetime], Awaitable[Tally]]


class Writer:
    """Takes batches from the agent and stores them in transactions as large as the traffic makes them.

    A transaction takes what is waiting, up to `max_records`, and lingers at most `linger_s`
    seconds for more, since small transactions cost ten times the CPU. Events are acknowledged only
    after `ingest` returned; when it raises, `run` raises, and nothing later is ever acknowledged.
    """

    def __init__(
        self, ingest: Ingest, clock: Callable[[], datetime], *, max_records: int, linger_s: float
    ) -> None:
        self._ingest = ingest
        self._clock = clock
        self._max_records = max_records
        self._linger_s = linger_s
        self._waiting: asyncio.Queue[Any] = asyncio.Queue(MAX_WAITING_BATCHES)
        self._held: Any = None
        """A batch taken from the queue that would have made the last transaction too large."""

    async def put(self, event: Any) -> None:
        """Hand over a Faust event whose value is a RecordBatch; waits while too many wait already."""
        await self._waiting.put(event)

    async def run(self, on_stored: Callable[[Tally], None]) -> None:
        """Store batches for ever; tell `on_stored` what became of the records of each transaction."""
        while True:
            events = await self._take()
            tally = await self._ingest([event.value for event in events], self._clock())
            for event in events:
                event.ack()
                self._waiting.task_done()
            on_stored(tally)

    async def drained(self) -> None:
        """Return when everything handed over is stored and acknowledged."""
        await self._waiting.join()

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
            elif asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(min(LOOK_AGAIN_S, self._linger_s))
            else:
                break
        return events
