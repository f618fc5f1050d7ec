"""The task that keeps the readings current beside the writing one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime


class Refresher:
    """Refreshes every `every_s` seconds while records flow and every `idle_s` when none come.

    Never beside itself, and where a refresh takes long, less often: of the time at most the share `ease` is
    spent refreshing, unless more than `at_most_s` seconds were then between two; and in no case more than
    the share `duty`.
    """

    def __init__(
        self,
        refresh: Callable[[datetime], Awaitable[None]],
        clock: Callable[[], datetime],
        *,
        every_s: float,
        at_most_s: float,
        idle_s: float,
        ease: float,
        duty: float,
    ) -> None:
        self._refresh = refresh
        self._clock = clock
        self._every_s = every_s
        self._at_most_s = at_most_s
        self._idle_s = idle_s
        self._ease = ease
        self._duty = duty
        self._new_records = asyncio.Event()

    def note(self) -> None:
        """Say that records were stored."""
        self._new_records.set()

    async def run(self) -> None:
        """Refresh for ever, at once to begin with."""
        while True:
            self._new_records.clear()
            took = await self._timed_refresh()
            await asyncio.sleep(self.pause_after(took))
            await self._until_due(self._idle_s - self._every_s)

    async def now(self) -> None:
        """Refresh once more."""
        await self._refresh(self._clock())

    def pause_after(self, took: float) -> float:
        """Return the seconds to rest after a refresh of `took` seconds."""
        return max(self._every_s, min(took / self._ease, self._at_most_s), took / self._duty) - took

    async def _timed_refresh(self) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.now()
        return loop.time() - began

    async def _until_due(self, patience_s: float) -> None:
        try:
            await asyncio.wait_for(self._new_records.wait(), max(0.0, patience_s))
        except TimeoutError:
            return
