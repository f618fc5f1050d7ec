"""The worker's own HTTP server: answers for the commands, and a page to look at."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from errno import EADDRNOTAVAIL
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pipeline.address import LOOPBACK, from_here
from pipeline.alerting.over_http import AlertAnswers
from pipeline.audit import audit
from pipeline.entrance import Entrance
from pipeline.errors import FirsthandError, InputError
from pipeline.exposition import BY, Scraped
from pipeline.held import announced, new_token
from pipeline.live_sql.desk import Desk
from pipeline.live_sql.tokens import Tokens, beside
from pipeline.page_data.moments import written
from pipeline.page_data.routes import Page
from pipeline.report import last_refresh, report
from pipeline.spans import microseconds, moment
from pipeline.store import Store
from pipeline.sums import DIMENSIONS
from pipeline.worker import WorkerState

if TYPE_CHECKING:
    from checks.report import CheckReport

ARROW = "application/vnd.apache.arrow.stream"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Answers:
    """Answers requests from the worker's database; work on it runs beside the event loop."""

    def __init__(
        self,
        store: Store,
        entrance: Entrance,
        state: Callable[[], dict[str, Any]],
        clock: Callable[[], datetime],
        desk: Desk | None = None,
        scraped_by: Sequence[str] = BY,
    ) -> None:
        self._store = store
        self._entrance = entrance
        self._state = state
        self._clock = clock
        self._desk = desk
        self._scraped_by = scraped_by

    def app(self) -> web.Application:
        """The routes: the page and what it reads, and what the commands ask for."""
        app = web.Application(middlewares=[self._guard])
        page = Page(self._store, self._state, self._found, self._clock)
        app.add_routes(page.routes())
        app.add_routes(AlertAnswers(self._store, self._clock).routes())
        app.on_response_prepare.append(_with_headers)
        app.on_shutdown.append(page.end)
        app.router.add_get("/readings", self._readings)
        app.router.add_get("/metrics", Scraped(self._store, self._state, self._scraped_by).answer)
        app.router.add_get("/api/report", self._report)
        app.router.add_get("/api/audit", self._audit)
        app.router.add_get("/api/check", self._check)
        app.router.add_post("/api/query", self._query)
        app.router.add_post("/api/snapshot", self._snapshot)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        try:
            refusal = self._entrance.refusal(request)
            response: web.StreamResponse = await handler(request) if refusal is None else refusal
        except FirsthandError as error:
            response = web.Response(status=400, text=str(error))
        except ValueError as error:
            response = web.Response(status=400, text=f"{request.path}: {error}")
        return response

    async def _readings(self, request: web.Request) -> web.Response:
        """The current readings of one span and dimension, and how the worker is doing."""
        query = request.query
        readings = await self._report_rows(query.get("span", "7d"), query.get("by", "all"), None)
        return web.json_response({"state": self._state(), "readings": readings})

    async def _report(self, request: web.Request) -> web.Response:
        query = request.query
        as_of = moment(query["as_of"]) if "as_of" in query else None
        return web.json_response(
            await self._report_rows(query.get("span", "7d"), query.get("by", "all"), as_of)
        )

    async def _report_rows(self, span: str, by: str, as_of: datetime | None) -> list[dict[str, Any]]:
        microseconds(span)
        if by not in DIMENSIONS:
            raise FirsthandError(f"by: one of {', '.join(DIMENSIONS)} is asked")
        with self._store.reading() as con:
            readings = await asyncio.to_thread(report, con, as_of, span, by)
        return [each.as_dict() for each in readings]

    async def _audit(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape
        with self._store.reading() as con:
            found = await asyncio.to_thread(audit, con)
        return web.json_response(found.as_dict())

    async def _check(self, request: web.Request) -> web.Response:
        docs = Path(request.query["docs"]) if "docs" in request.query else None
        now = moment(request.query.get("now", ""))
        found = await asyncio.to_thread(self._checked, now, docs)
        return web.Response(text=found.to_json(), content_type="application/json")

    async def _query(self, request: web.Request) -> web.Response:
        if self._desk is None:
            raise FirsthandError("it answers no queries")
        found = await asyncio.to_thread(self._desk.answer, await request.text())
        return web.Response(body=await asyncio.to_thread(found.to_bytes), content_type=ARROW)

    async def _snapshot(self, request: web.Request) -> web.Response:
        await asyncio.to_thread(self._store.copy_to, Path(await request.text()))
        return web.Response()

    async def _found(self) -> "CheckReport | None":
        """The checks for the page: as of the last refresh; None before the first."""
        with self._store.reading() as con:
            as_of = last_refresh(con)
        return None if as_of is None else await asyncio.to_thread(self._checked, as_of, None)

    def _checked(self, now: datetime, docs: Path | None) -> "CheckReport":
        from checks.run import run_checks  # noqa: PLC0415 - Great Expectations takes seconds to import

        with self._store.reading() as con:
            return run_checks(con, last_refresh(con) or now, docs)


async def _with_headers(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001
    response.headers.update(_HEADERS)


def state_of(worker: WorkerState) -> dict[str, Any]:
    """How a worker is doing, for programs."""
    return {
        "phase": worker.phase,
        "lag": sum(worker.lag.values()),
        "lags": worker.lag,
        **asdict(worker.tally),
        "as_of": written(worker.as_of),
        "refreshed_s_ago": worker.refreshed_s_ago,
    }


def listening(port: int | None, host: str = LOOPBACK) -> socket.socket:
    """A socket that listens on `host`:`port` (a free one if None), before anything else is begun.

    Raises InputError where they cannot be had.
    """
    try:
        return socket.create_server((host, port or 0))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno == EADDRNOTAVAIL:
            raise InputError(
                f"{host} is no address of this machine: set FIRSTHAND_HOST otherwise, or unset it"
            ) from error
        raise InputError(
            f"port {port} is taken ({reason}): choose another with --port, or leave it out"
        ) from error


@asynccontextmanager
async def serving(
    store: Store,
    database: Path,
    listener: socket.socket,
    state: Callable[[], dict[str, Any]],
    told: Callable[[str], None] = lambda url: None,  # noqa: ARG005 - it may tell nobody
    *,
    clock: Callable[[], datetime],
    desk: Desk | None = None,
    sql: str | None = None,
    scraped_by: Sequence[str] = BY,
) -> AsyncIterator[str]:
    """Serve on `listener`, and say where beside the database and to `told`.

    `clock` is the worker's. `desk` answers queries in SQL; `sql` is where it does so over Quack too.
    `scraped_by`: the dimensions whose readings /metrics has.
    """
    host, port = listener.getsockname()
    entrance = Entrance(host, new_token(), Tokens(beside(database)))
    answers = Answers(store, entrance, state, clock, desk, scraped_by)
    runner = web.AppRunner(answers.app(), access_log=None, shutdown_timeout=5)
    await runner.setup()
    url = f"http://{from_here(host)}:{port}/"
    try:
        await web.SockSite(runner, listener).start()
        with announced(database, url, entrance.own, sql):
            told(url)
            yield url
    finally:
        await runner.cleanup()
