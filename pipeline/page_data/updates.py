"""Server-sent events: how the worker is doing, at every refresh or new alert, and every few seconds."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

LOOK_EVERY_S = 0.4
SAY_EVERY_S = 2.0
RETRY_MS = 1500
"""How long a page waits before it connects again."""


async def updates(
    state: Callable[[], Awaitable[dict[str, Any]]], over: asyncio.Event
) -> AsyncIterator[bytes]:
    """What is sent to one page until it is `over`: the state, whenever there is news, or a while passed."""
    loop = asyncio.get_running_loop()
    yield f"retry: {RETRY_MS}\n\n".encode()
    said, said_at = None, float("-inf")
    while not over.is_set():
        now = await state()
        news = now["as_of"], now["alerts"]
        if news != said or loop.time() - said_at >= SAY_EVERY_S:
            said, said_at = news, loop.time()
            yield f"data: {json.dumps(now)}\n\n".encode()
        await _pause(over)


async def _pause(over: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(over.wait(), LOOK_EVERY_S)
    except TimeoutError:
        return
