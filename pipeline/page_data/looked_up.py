"""A small answer for all who ask, looked up anew only when it is old."""

import asyncio
from collections.abc import Awaitable, Callable


class LookedUp:
    """What `look` last gave; whoever asks when that is older than `every_s` waits for the next."""

    def __init__(self, look: Callable[[], Awaitable[str]], every_s: float) -> None:
        self._look = look
        self._every_s = every_s
        self._looked: float | None = None
        self._last = ""
        self._turn = asyncio.Lock()

    async def now(self) -> str:
        """What it is, or was at most `every_s` ago."""
        async with self._turn:
            at = asyncio.get_running_loop().time()
            if self._looked is None or at - self._looked >= self._every_s:
                self._last = await self._look()
                self._looked = asyncio.get_running_loop().time()
            return self._last
