"""The worker's page over a database whose worker is played by the test: it says what the state is."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pipeline.serve import listening, serving, state_of
from pipeline.store import Store
from pipeline.tally import Tally
from pipeline.worker import WorkerState


class ServedPage:
    """Serves while the block runs; `refresh` and `state` are the worker's part."""

    def __init__(
        self, store: Store, database: Path, port: int | None = None, host: str = "127.0.0.1"
    ) -> None:
        self._store = store
        self._database = database
        self._listener = listening(port, host)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.clock = datetime(2026, 12, 24, tzinfo=UTC)
        self.state: dict[str, Any] = state_of(WorkerState("running", Tally(), {0: 0}, None, 0.5))
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def refresh(self, as_of: datetime, **state: Any) -> None:
        """Bring the readings to a moment, and say so."""
        self._store.refresh(as_of)
        with self._store.reading() as con:
            (consumed,) = con.execute("select coalesce(sum(consumed), 0)::bigint from watermarks").fetchone()
        written = as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")
        self.state = self.state | {"as_of": written, "consumed": consumed, "refreshed_s_ago": 0.5} | state

    async def _serve(self) -> None:
        async with serving(
            self._store, self._database, self._listener, lambda: self.state, clock=lambda: self.clock
        ):
            self._ready.set()
            await self._over.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "it did not end while pages were open"
        self._loop.close()
