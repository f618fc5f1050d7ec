"""What the worker answers for `firsthand alerts`, since nobody else can open its database meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from duckdb import DuckDBPyConnection

from pipeline.alerting import silences
from pipeline.alerting.explained import explained
from pipeline.alerting.standing import RECENT, alerts
from pipeline.connection import transaction
from pipeline.store import Store


class AlertAnswers:
    """Alerts and silences of the worker's database, by the worker's clock."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The paths, below /api/: who asks has the token beside the database."""
        return [
            web.get("/api/alerts", self._alerts),
            web.get("/api/alert", self._alert),
            web.get("/api/silences", self._silences),
            web.post("/api/silence", self._silence),
            web.post("/api/silence/end", self._end),
        ]

    async def _alerts(self, request: web.Request) -> web.Response:
        ended = None if request.query.get("all") == "yes" else RECENT
        return await self._read(lambda con, now: alerts(con, now, ended=ended))

    async def _alert(self, request: web.Request) -> web.Response:
        beginning = request.query.get("alert", "")
        return await self._read(lambda con, now: explained(con, beginning, now))

    async def _silences(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape
        return await self._read(silences.in_force)

    async def _silence(self, request: web.Request) -> web.Response:
        wish = silences.Wish(**await request.json())
        return await self._write(lambda con, now: silences.silence(con, wish, now))

    async def _end(self, request: web.Request) -> web.Response:
        beginning = (await request.json())["silence"]
        return await self._write(lambda con, now: silences.end(con, beginning, now))

    async def _read(self, work: Callable[[DuckDBPyConnection, datetime], Any]) -> web.Response:
        def found() -> Any:
            with self._store.reading() as con:
                return work(con, self._clock())

        return web.json_response(await asyncio.to_thread(found))

    async def _write(self, work: Callable[[DuckDBPyConnection, datetime], Any]) -> web.Response:
        def done() -> Any:
            with self._store.beside() as con, transaction(con):
                return work(con, self._clock())

        return web.json_response(await asyncio.to_thread(done))
