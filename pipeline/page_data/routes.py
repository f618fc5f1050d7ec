"""What the page is made of and what it asks for, as paths of the worker's HTTP server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from time import thread_time
from typing import TYPE_CHECKING, Any

from aiohttp import web
from duckdb import DuckDBPyConnection

from pipeline.alerting.standing import version
from pipeline.page_data.alerts import alerts_shown
from pipeline.page_data.asked import Asked, asked_of
from pipeline.page_data.definitions import definitions
from pipeline.page_data.effort import effort_against_friendliness
from pipeline.page_data.heat import heat
from pipeline.page_data.history import History
from pipeline.page_data.intake import intake
from pipeline.page_data.looked_up import LookedUp
from pipeline.page_data.members import members
from pipeline.page_data.overview import overview
from pipeline.page_data.quality import Quality
from pipeline.page_data.shared import Shared
from pipeline.page_data.updates import updates
from pipeline.store import Store

if TYPE_CHECKING:  # Great Expectations takes seconds to import
    from checks.report import CheckReport

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LOOK_FOR_ALERTS_S = 1.0
_Compute = Callable[[DuckDBPyConnection, Asked], dict[str, Any]]


class Page:
    """The page: its files, its data, and word of every refresh."""

    def __init__(
        self,
        store: Store,
        state: Callable[[], dict[str, Any]],
        check: Callable[[], Awaitable["CheckReport | None"]],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._state_of_worker = state
        self._clock = clock
        self._alerts = LookedUp(self._alerts_version, LOOK_FOR_ALERTS_S)
        self._quality = Quality(check)
        self._shared = Shared()
        self._threads = ThreadPoolExecutor(2, "page")
        self._over = asyncio.Event()
        self._files = dict(_files(files("pipeline") / "page"))

    def routes(self) -> list[web.RouteDef]:
        """Every path, each of which only reads; POST has the checks run."""
        views: dict[str, _Compute] = {
            "overview": overview,
            "members": members,
            "history": History().line,
            "heat": heat,
            "effort": effort_against_friendliness,
            "intake": lambda con, _: intake(con),
            "alerts": lambda con, _: alerts_shown(con, self._clock()),
            "definitions": lambda con, _: definitions(con),
        }
        return [
            web.get("/", partial(self._file, "index.html")),
            web.get("/page/{name:.+}", self._named_file),
            web.get("/data/updates", self._updates),
            web.get("/data/quality", self._last_check),
            web.post("/data/quality", self._check),
            *(web.get(f"/data/{name}", partial(self._view, name, view)) for name, view in views.items()),
        ]

    async def end(self, _: web.Application) -> None:
        """Let go of the pages that listen, and of the threads."""
        self._over.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _named_file(self, request: web.Request) -> web.Response:
        return await self._file(request.match_info["name"], request)

    async def _file(self, name: str, _: web.Request) -> web.Response:
        if name not in self._files:
            raise web.HTTPNotFound(text="no such file")
        kind = _KINDS.get(name[name.rfind(".") :], "text/plain")
        return web.Response(body=self._files[name].read_bytes(), content_type=kind, charset="utf-8")

    async def _view(self, name: str, compute: _Compute, request: web.Request) -> web.Response:
        asked = asked_of(request.query)
        if self._over.is_set():  # and the threads are gone
            raise web.HTTPServiceUnavailable(text="the worker is ending")
        state = await self._state()
        of = (state["as_of"], state["consumed"], state["alerts"])
        body = await self._shared.answer((name, asked), of, partial(self._computed, compute, asked))
        return web.Response(body=body, content_type="application/json")

    async def _state(self) -> dict[str, Any]:
        """How the worker is doing; `alerts` is another text whenever there is something new of them."""
        return self._state_of_worker() | {"alerts": await self._alerts.now()}

    async def _alerts_version(self) -> str:
        def found() -> str:
            with self._store.reading() as con:
                return version(con)

        if self._over.is_set():  # and the threads are gone
            return ""
        return await asyncio.get_running_loop().run_in_executor(self._threads, found)

    async def _computed(self, compute: _Compute, asked: Asked) -> tuple[bytes, float]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, compute, asked)

    def _read(self, compute: _Compute, asked: Asked) -> tuple[bytes, float]:
        began = thread_time()
        with self._store.reading() as con:
            body = json.dumps(compute(con, asked), allow_nan=False).encode()
        return body, thread_time() - began

    async def _updates(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            async for each in updates(self._state, self._over):
                await response.write(each)
        except ConnectionResetError:  # the page is gone
            pass
        return response

    async def _last_check(self, _: web.Request) -> web.Response:
        return web.json_response(self._quality.as_dict())

    async def _check(self, _: web.Request) -> web.Response:
        return web.json_response(await self._quality.run())


def _files(folder: Traversable, within: str = "") -> list[tuple[str, Traversable]]:
    """Every file below a folder by its path in it: nothing else can be asked for."""
    found = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _files(each, f"{within}{each.name}/")
        else:
            found.append((within + each.name, each))
    return found
