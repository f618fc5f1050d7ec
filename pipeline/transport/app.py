"""The Faust app that consumes into a database: no tables, no second start, and no state outside it."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

import faust
from faust.tables import TableManager
from mode.supervisors import SupervisorStrategy

from pipeline.security import Security

StoredOffsets = Callable[[str, int], Awaitable[int | None]]


class TableLess(TableManager):
    """Faust waits a second for tables to be declared; here there are none, all state is the database's."""

    async def on_start(self) -> None:
        """Start without the wait."""
        await self._update_channels()
        await self.recovery.start()


class BatchApp(faust.App):
    """A Faust app that consumes from the offsets its database names and leaves no folder behind."""

    def __init__(self, name: str, stored_offsets: StoredOffsets, **options: Any) -> None:
        self.stored_offsets = stored_offsets
        self.abandoned = False
        """Set when batches under way will never be stored: then nothing waits for them."""
        self._refused: Future[None] = Future()
        super().__init__(name, TableManager=TableLess, **options)

    async def refusal(self) -> None:
        """Raise what the broker answered once it would not have us in the group or at the topic."""
        await asyncio.wrap_future(self._refused)

    def refuse(self, error: BaseException) -> None:
        """Say so; from whichever thread, the first one counts."""
        with suppress(InvalidStateError):
            self._refused.set_exception(error)

    def _create_directories(self) -> None:
        """Make none: they are for tables."""


class Supervisor(SupervisorStrategy):
    """Starts no agent a second time: what ended it ends the worker, and a new agent would outlive that."""

    async def restart_services(self, services: list[Any]) -> None:
        """Hand on why they ended, unless they were told to."""
        for service in services:
            reason = service.crash_reason
            if reason is not None and not isinstance(reason, asyncio.CancelledError):
                service.agent.app.refuse(reason)


def credentials(security: Security) -> Any:
    """How Faust's consumer and producer present themselves to the broker; None where it is open to all."""
    if security.logs_in and security.password:
        return faust.SASLCredentials(
            mechanism=security.mechanism,
            username=security.username,
            password=security.password.get_secret_value(),
            ssl_context=security.context,
        )
    return faust.SSLCredentials(security.context) if security.encrypted else None
