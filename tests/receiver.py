"""A server that alerts are posted to: it answers as it is told, and remembers what came.

with Receiver() as receiver:
    receiver.answers = [500, HANG, 200]     # one a request; then 200 for ever
    receiver.url, receiver.came, receiver.keys
"""

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from pipeline.embedded_broker import LOOPBACK

HANG = 0
"""In place of a status: no answer at all."""


@dataclass(frozen=True)
class Came:
    """One request, and what it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]


class Receiver:
    def __init__(self) -> None:
        self.came: list[Came] = []
        self.answers: list[int] = []
        self.answer_headers: dict[str, str] = {}
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/hook/s3cret"

    @property
    def taken(self) -> list[Came]:
        """What was answered with success."""
        return [each for each in self.came if 200 <= each.answer < 300]

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.taken]

    def states(self) -> list[tuple[str, str]]:
        """Alert and state of every alert of every message that was taken, in order."""
        return [(one["alert"], one["state"]) for each in self.taken for one in each.json["alerts"]]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _take(self, request: web.Request) -> web.Response:
        answer = self.answers.pop(0) if self.answers else 200
        body = await request.read()
        self.came.append(Came(request.path, dict(request.headers), body, answer))
        if answer == HANG:
            await asyncio.Event().wait()
        return web.Response(status=answer, headers=self.answer_headers)
